#include "queued/out/out.h"

#include <sysexits.h>
#include <systemd/sd-daemon.h>

#include <csignal>
#include <cstdio>
#include <optional>

#include "libmailcore/ipc/socket.h"
#include "libmailcore/log/open.h"
#include "queued/out/sandbox.h"
#include "queued/out/sender.h"

namespace ostler::out {
namespace {

constexpr std::chrono::seconds kDrain{8};  // `--stop` promises that all is gone after ten

void say(const std::string& text) { std::fprintf(stderr, "queued/out: %s\n", text.c_str()); }

// The process: its socket, its signals, its Sender.
class Role {
 public:
  Role(std::string configFile, std::shared_ptr<const Settings> settings, log::Log log, std::unique_ptr<Loop> loop)
      : configFile_(std::move(configFile)),
        log_(std::move(log)),
        loop_(std::move(loop)),
        settings_(std::move(settings)),
        server_(*loop_, limits()),
        tasks_(*loop_) {
    server_.on<ipc::Deliver>(
        [this](std::shared_ptr<ipc::ServerConnection>, ipc::Deliver request, std::vector<UniqueFd> descriptors) {
          return sender_->deliver(std::move(request), descriptors.empty() ? UniqueFd() : std::move(descriptors.front()));
        });
    server_.on<ipc::AskRecipient>([this](std::shared_ptr<ipc::ServerConnection>, ipc::AskRecipient request, std::vector<UniqueFd>) {
      return sender_->ask(std::move(request));
    });
  }

  [[nodiscard]] Result<void> listen(const std::string& path) { return server_.listen(path, 0660); }

  /// REQUIRES: the process is confined. The Sender has threads, and only those started after that are confined too.
  void run() {
    sender_.emplace(*loop_, std::move(settings_), log_);
    onSignal(SIGHUP, [](evutil_socket_t, short, void* self) { static_cast<Role*>(self)->reload(); });
    onSignal(SIGUSR1, [](evutil_socket_t, short, void* self) { static_cast<Role*>(self)->log_.reopen(); });
    for (const int number : {SIGTERM, SIGINT}) {
      onSignal(number, [](evutil_socket_t, short, void* self) { static_cast<Role*>(self)->beginDrain(); });
    }
    std::uint64_t watchdog = 0;
    if (sd_watchdog_enabled(0, &watchdog) > 0) tasks_.spawn(feedWatchdog(std::chrono::microseconds(watchdog / 2)));
    log_.info("started");
    sd_notify(0, "READY=1");
    loop_->run();
    log_.info("stopped");
  }

 private:
  static ipc::ServerLimits limits() {
    ipc::ServerLimits out;
    out.requestsInFlight = 16'384;  // the spool decides how many are under way
    return out;
  }

  void onSignal(int number, event_callback_fn handler) {
    signals_.emplace_back(evsignal_new(loop_->base(), number, handler, this));
    event_add(signals_.back().get(), nullptr);
  }

  void reload() {
    if (draining_) return;
    sd_notify(0, "RELOADING=1");
    const config::Loaded loaded = config::load(configFile_);
    for (const config::Problem& problem : loaded.problems) log_.warn("config", {{"problem", config::toText(problem)}});
    if (loaded.config) {
      log::apply(log_, loaded.config->log);
      const auto settings = makeSettings(*loop_, *loaded.config);
      if (settings) {
        sender_->use(*settings);
        log_.info("reloaded");
      } else {
        log_.error("reload-refused", {{"reason", settings.error().detail}});
      }
    } else {
      log_.error("reload-refused", {{"reason", "the configuration has errors"}});
    }
    sd_notify(0, "READY=1");
  }

  void beginDrain() {
    if (std::exchange(draining_, true)) return;
    sd_notify(0, "STOPPING=1");
    tasks_.spawn(drain());
  }
  Task<void> drain() {
    server_.stopListening();
    const Result<void> done = co_await sender_->drain(Deadline::after(kDrain));
    if (!done) log_.warn("drain", {{"reason", "deliveries under way were cut off"}});
    // The answers go out in the loop's next turns.
    co_await loop_->sleepUntil(Deadline::after(std::chrono::milliseconds(50)));
    loop_->stop();
  }
  Task<void> feedWatchdog(std::chrono::microseconds interval) {
    for (;;) {
      co_await loop_->sleepUntil(Deadline::after(interval));
      sd_notify(0, "WATCHDOG=1");
    }
  }

  struct FreeEvent {
    void operator()(event* freed) const { event_free(freed); }
  };
  std::string configFile_;
  log::Log log_;
  std::unique_ptr<Loop> loop_;
  std::shared_ptr<const Settings> settings_;  // until run()
  std::optional<Sender> sender_;
  ipc::Server server_;
  TaskScope tasks_;
  std::vector<std::unique_ptr<event, FreeEvent>> signals_;
  bool draining_ = false;
};

int serve(const std::string& configFile, const config::Config& config, const log::Log& log) {
  auto loop = std::make_unique<Loop>();
  loop->onUncaught([&log](const std::string& what) { log.error("exception", {{"what", what}}); });
  Result<std::shared_ptr<const Settings>> settings = makeSettings(*loop, config);
  if (!settings) return say(settings.error().detail), EX_CONFIG;
  Role role(configFile, std::move(*settings), log, std::move(loop));
  if (const Result<void> listening = role.listen(config.socketPath("out")); !listening) {
    return say(listening.error().detail), EX_UNAVAILABLE;
  }
  if (const Result<void> confined = confine(config, configFile); !confined) return say(confined.error().detail), EX_OSERR;
  role.run();
  return EX_OK;
}

}  // namespace

int runOut(const std::string& configFile) {
  std::signal(SIGPIPE, SIG_IGN);  // TLS and sendfile have no other way to be told
  const config::Loaded loaded = config::load(configFile);
  for (const config::Problem& problem : loaded.problems) say(config::toText(problem));
  if (!loaded.config) return EX_CONFIG;
  const log::Log log = log::open(loaded.config->log, "queued/out");
  try {
    return serve(configFile, *loaded.config, log);
  } catch (const std::exception& error) {
    log.error("fatal", {{"reason", error.what()}});
    return EX_SOFTWARE;
  }
}

}  // namespace ostler::out
