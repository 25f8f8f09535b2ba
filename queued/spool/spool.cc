#include "queued/spool/spool.h"

#include <signal.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>

#include <cstdio>
#include <ctime>

#include "libmailcore/log/open.h"
#include "libmailcore/store/local_store.h"
#include "queued/spool/role.h"
#include "queued/spool/sandbox.h"

namespace ostler::spool {

namespace {

/// `ostler stop` promises 10 s for the whole suite.
constexpr std::chrono::seconds kDrain{6};

/// One signal, handled on the loop.
class OnSignal {
 public:
  OnSignal(Loop& loop, int number, std::function<void()> handler) : handler_(std::move(handler)) {
    event_.reset(evsignal_new(loop.base(), number, &OnSignal::arrived, this));
    evsignal_add(event_.get(), nullptr);
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

void say(const std::string& text) { std::fprintf(stderr, "queued/spool: %s\n", text.c_str()); }

void reload(const std::string& configFile, Role& role, const log::Log& log) {
  sd_notify(0, "RELOADING=1");
  const config::Loaded loaded = config::load(configFile);
  for (const config::Problem& problem : loaded.problems) log.warn("config", {{"problem", config::toText(problem)}});
  if (loaded.config) {
    role.use(loaded.config);
    log::apply(log, loaded.config->log);
    log.info("reloaded");
  } else {
    log.error("reload-refused", {{"reason", "the configuration has errors"}});
  }
  sd_notify(0, "READY=1");
}

Task<void> drain(Loop& loop, Role& role) {
  co_await role.drain(Deadline::after(kDrain));
  loop.stop();
}

Task<void> feedWatchdog(Loop& loop, std::uint64_t microseconds) {
  while (true) {
    co_await loop.sleepUntil(Deadline::after(std::chrono::microseconds(microseconds / 2)));
    sd_notify(0, "WATCHDOG=1");
  }
}

int serve(const std::string& configFile, const std::shared_ptr<const config::Config>& config, const log::Log& log) {
  const SystemClock clock;
  Loop loop;
  loop.onUncaught([log](const std::string& what) { log.error("uncaught", {{"what", what}}); });
  store::LocalOptions options;
  options.notifyDir = config->runDir + "/notify";
  options.log = log.module("store");
  const Result<void> folders = Role::makeFolders(*config);
  if (!folders) return say(folders.error().detail), EX_CANTCREAT;
  ::tzset();  // reads a file, which later is not allowed
  const Result<void> confined = confine(*config, configFile);
  if (!confined) return say(confined.error().detail), EX_OSERR;
  Result<std::shared_ptr<store::LocalShared>> shared = store::makeLocalShared(options);
  if (!shared) return say(shared.error().detail), EX_CANTCREAT;
  const std::unique_ptr<store::Store> store = store::makeLocalStore(loop, *shared);
  Result<std::unique_ptr<Role>> role = Role::open(loop, clock, config, *store, log);
  if (!role) return say(role.error().detail), EX_CANTCREAT;
  const Result<void> started = (*role)->start();
  if (!started) return say(started.error().detail), EX_UNAVAILABLE;

  TaskScope tasks(loop);
  bool draining = false;
  const auto end = [&] {
    if (std::exchange(draining, true)) return;
    sd_notify(0, "STOPPING=1");
    log.info("draining");
    tasks.spawn(drain(loop, **role));
  };
  const OnSignal onTerm(loop, SIGTERM, end);
  const OnSignal onInterrupt(loop, SIGINT, end);
  const OnSignal onHangup(loop, SIGHUP, [&] { reload(configFile, **role, log); });
  const OnSignal onUsr1(loop, SIGUSR1, [&] { log.reopen(); });
  std::uint64_t watchdog = 0;
  if (sd_watchdog_enabled(0, &watchdog) > 0) tasks.spawn(feedWatchdog(loop, watchdog));
  log.info("started", {{"queue", config->queueDir()}});
  sd_notify(0, "READY=1");
  loop.run();
  log.info("stopped");
  return EX_OK;
}

}  // namespace

int runSpool(const std::string& configFile) {
  ::signal(SIGPIPE, SIG_IGN);
  const config::Loaded loaded = config::load(configFile);
  for (const config::Problem& problem : loaded.problems) say(config::toText(problem));
  if (!loaded.config) return EX_CONFIG;
  const log::Log log = log::open(loaded.config->log, "queued/spool");
  try {
    return serve(configFile, loaded.config, log);
  } catch (const std::exception& error) {
    log.error("fatal", {{"reason", error.what()}});
    return EX_SOFTWARE;
  }
}

}  // namespace ostler::spool
