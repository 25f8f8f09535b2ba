#include "libmailcore/daemon/role.h"

#include <event2/event.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>

#include <csignal>
#include <cstdio>
#include <utility>

#include "libmailcore/daemon/signals.h"
#include "libmailcore/daemon/started_on.h"
#include "libmailcore/log/open.h"

namespace ostler::daemon {
namespace {

/// One signal, handled on the loop.
class OnSignal {
 public:
  OnSignal(Loop& loop, int number, std::function<void()> handler) : handler_(std::move(handler)) {
    event_.reset(evsignal_new(loop.base(), number, &OnSignal::arrived, this));
    evsignal_add(event_.get(), nullptr);
    letIn(number);
  }
  OnSignal(const OnSignal&) = delete;
  OnSignal& operator=(const OnSignal&) = delete;

 private:
  static void arrived(evutil_socket_t, short, void* self) { static_cast<OnSignal*>(self)->handler_(); }
  struct FreeEvent {
    void operator()(event* freed) const { event_free(freed); }
  };
  std::function<void()> handler_;
  std::unique_ptr<event, FreeEvent> event_;
};

/// A role while its loop runs.
class Running {
 public:
  Running(Loop& loop, Role& role, const std::string& configFile, const std::string& name, const log::Log& log)
      : loop_(loop), role_(role), configFile_(configFile), name_(name), log_(log), tasks_(loop) {}

  void serve() {
    const OnSignal onTerm(loop_, SIGTERM, [this] { end(); });
    const OnSignal onInterrupt(loop_, SIGINT, [this] { end(); });
    const OnSignal onHangup(loop_, SIGHUP, [this] { reload(); });
    const OnSignal onUsr1(loop_, SIGUSR1, [this] { log_.reopen(); });
    std::uint64_t watchdog = 0;
    if (sd_watchdog_enabled(0, &watchdog) > 0) tasks_.spawn(feedWatchdog(std::chrono::microseconds(watchdog / 2)));
    lookForNewFiles();
    log_.info("started");
    sd_notify(0, "READY=1");
    loop_.run();
    log_.info("stopped");
  }

 private:
  void reload() {
    if (draining_) return;
    sd_notify(0, "RELOADING=1");
    const config::Loaded loaded = config::load(configFile_);
    for (const config::Problem& problem : loaded.problems) log_.warn("config", {{"problem", config::toText(problem)}});
    const Result<void> used = loaded.config ? role_.use(loaded.config) : Result<void>(fail(Error::Kind::syntax, "the configuration has errors"));
    if (used) {
      log::apply(log_, loaded.config->log, name_);
      lookForNewFiles();
      log_.info("reloaded");
      if (const std::string why = startedOn_.nothingNew(); !why.empty()) log_.warn("reload-of-one", {{"reason", why}});
    } else {
      log_.error("reload-refused", {{"reason", used.error().detail}});
    }
    sd_notify(0, "READY=1");
  }

  void end() {
    if (std::exchange(draining_, true)) return;
    sd_notify(0, "STOPPING=1");
    log_.info("draining");
    tasks_.spawn(drain());
  }
  Task<void> drain() {
    co_await role_.drain();
    loop_.stop();
  }
  /// Begins when there is such a log, perhaps after a reload.
  void lookForNewFiles() {
    if (!looksForNewFiles_ && log_.changesFile()) tasks_.spawn(watchLog());
    looksForNewFiles_ = looksForNewFiles_ || log_.changesFile();
  }
  Task<void> watchLog() {
    for (;;) {
      co_await loop_.sleepUntil(Deadline::after(log::kLogLook));
      log_.tick();
    }
  }
  Task<void> feedWatchdog(std::chrono::microseconds interval) {
    for (;;) {
      co_await loop_.sleepUntil(Deadline::after(interval));
      sd_notify(0, "WATCHDOG=1");
    }
  }

  Loop& loop_;
  Role& role_;
  const std::string& configFile_;
  const std::string& name_;
  const log::Log& log_;
  StartedOn startedOn_{configFile_};
  bool draining_ = false;
  bool looksForNewFiles_ = false;
  TaskScope tasks_;
};

}  // namespace

int runRole(const std::string& configFile, const std::string& name, const std::function<RoleMade(RoleStart)>& make) {
  std::signal(SIGPIPE, SIG_IGN);  // TLS and sendfile have no other way to be told
  const auto say = [&name](const std::string& text) { std::fprintf(stderr, "%s: %s\n", name.c_str(), text.c_str()); };
  const config::Loaded loaded = config::load(configFile);
  for (const config::Problem& problem : loaded.problems) say(config::toText(problem));
  if (!loaded.config) return EX_CONFIG;
  const log::Log log = log::open(loaded.config->log, name);
  try {
    Loop loop;
    loop.onUncaught([log](const std::string& what) { log.error("uncaught", {{"what", what}}); });
    const RoleMade role = make({loop, configFile, loaded.config, log});
    if (!role) return say(role.error().why), role.error().status;
    Running(loop, **role, configFile, name, log).serve();
    return EX_OK;
  } catch (const std::exception& error) {
    log.error("fatal", {{"reason", error.what()}});
    return EX_SOFTWARE;
  }
}

}  // namespace ostler::daemon
