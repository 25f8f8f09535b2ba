#include "queued/auth/auth.h"

#include <signal.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <thread>

#include "libmailcore/daemon/folders.h"
#include "libmailcore/directory/system/system_users.h"
#include "libmailcore/log/open.h"
#include "queued/auth/auth_service.h"
#include "queued/auth/sandbox.h"

namespace ostler::queued::auth {

namespace {

constexpr std::chrono::milliseconds kDrain{200};

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

void say(const std::string& text) {
  std::fprintf(stderr, "queued/auth: %s\n", text.c_str());
}

void sayProblems(const config::Loaded& loaded) {
  for (const config::Problem& problem : loaded.problems) say(problem.place.text() + ": " + problem.text);
}

/// Nothing of this process may reach a disk: there are passwords in its memory for a moment.
void keepMemoryOffDisk() {
  const rlimit none{0, 0};
  (void)::setrlimit(RLIMIT_CORE, &none);
}

Result<void> makeFolders(const config::Config& config) {
  // accounts/ is closed to everybody: who needs one account gets a descriptor of it.
  const std::pair<std::string, mode_t> folders[] = {
      {config.dataDir, 0755}, {config.directoryDir(), 0700}, {config.accountsDir(), 0700}, {config.runDir, 0755}};
  for (const auto& [path, mode] : folders) {
    const Result<void> made = daemon::makeFolder(path, mode, config.user);
    if (!made) return made;
  }
  return {};
}

/// Is there a domain whose passwords PAM checks? One that is added later needs a restart of auth.
Passwords whoChecks(const config::Config& config) {
  if (!std::filesystem::exists(config.directoryDir() + "/directory.mdb")) return Passwords::ours;
  const auto directory = directory::OwnDirectory::open(config.directoryDir());
  if (!directory) return Passwords::ours;
  const Result<std::vector<directory::Domain>> domains = (*directory)->domains();
  if (!domains) return Passwords::ours;
  const bool any = std::any_of(domains->begin(), domains->end(),
                               [](const directory::Domain& domain) { return domain.kind == directory::Kind::system; });
  return any ? Passwords::elsewhere : Passwords::ours;
}

void reload(const std::string& configFile, AuthService& service, const log::Log& log) {
  sd_notify(0, "RELOADING=1");
  const config::Loaded loaded = config::load(configFile);
  if (loaded.config) {
    service.replaceConfig(loaded.config);
    log::apply(log, loaded.config->log);
    log.info("reloaded");
  } else {
    for (const config::Problem& problem : loaded.problems) {
      log.error("reload-refused", {{"place", problem.place.text()}, {"reason", problem.text}});
    }
  }
  sd_notify(0, "READY=1");
}

Task<void> drain(Loop& loop, ipc::Server& server) {
  server.stopListening();
  // Logins under way get their answers; the sessions they belong to end by themselves, in their own daemons.
  const Deadline soon = Deadline::after(kDrain);
  co_await loop.sleepUntil(soon);
  loop.stop();
}

Task<void> feedWatchdog(Loop& loop, std::uint64_t microseconds) {
  while (true) {
    const Deadline next = Deadline::after(std::chrono::microseconds(microseconds / 2));
    co_await loop.sleepUntil(next);
    sd_notify(0, "WATCHDOG=1");
  }
}

int serve(const std::string& configFile, const std::shared_ptr<const config::Config>& config, const log::Log& log) {
  const Result<void> folders = makeFolders(*config);
  if (!folders) return say(folders.error().detail), EX_CANTCREAT;
  ::tzset();  // reads a file, which later is not allowed
  const Result<void> confined = confine(*config, configFile, whoChecks(*config));
  if (!confined) return say(confined.error().detail), EX_OSERR;
  Result<std::unique_ptr<directory::OwnDirectory>> directory = directory::OwnDirectory::open(config->directoryDir());
  if (!directory) return say(directory.error().detail), EX_CANTCREAT;
  (*directory)->attach(directory::Kind::system, std::make_shared<directory::SystemUsers>());
  // Costs what a real check costs, so that a user that does not exist cannot be told by the clock.
  const Result<sasl::Verifiers> decoy = sasl::makeVerifiers(toHex(randomOctets(16)), {});
  if (!decoy) return say(decoy.error().detail), EX_SOFTWARE;

  const SystemClock clock;
  Loop loop;
  loop.onUncaught([log](const std::string& what) { log.error("uncaught", {{"what", what}}); });
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  Pool hashing("auth-hash", cores, 1024);  // a flood of guesses is told to come back, not queued for minutes
  Pool reads("auth-directory", 4);
  AuthService service({loop, hashing, reads, clock, log, std::move(*directory), config, decoy->passwordHash});
  ipc::ServerLimits limits;
  limits.requestsInFlight = 16'384;
  ipc::Server server(loop, limits);
  service.serve(server);
  const Result<void> listening = server.listen(config->socketPath("auth"), 0660);
  if (!listening) return say(listening.error().detail), EX_UNAVAILABLE;

  TaskScope tasks(loop);
  bool draining = false;
  const auto end = [&] {
    if (std::exchange(draining, true)) return;
    sd_notify(0, "STOPPING=1");
    tasks.spawn(drain(loop, server));
  };
  const OnSignal onTerm(loop, SIGTERM, end);
  const OnSignal onInterrupt(loop, SIGINT, end);
  const OnSignal onHangup(loop, SIGHUP, [&] { reload(configFile, service, log); });
  const OnSignal onUsr1(loop, SIGUSR1, [&] { log.reopen(); });
  std::uint64_t watchdog = 0;
  if (sd_watchdog_enabled(0, &watchdog) > 0) tasks.spawn(feedWatchdog(loop, watchdog));
  log.info("started", {{"socket", config->socketPath("auth")}});
  sd_notify(0, "READY=1");
  loop.run();
  log.info("stopped");
  return EX_OK;
}

}  // namespace

int runAuth(const std::string& configFile) {
  ::signal(SIGPIPE, SIG_IGN);
  keepMemoryOffDisk();
  const config::Loaded loaded = config::load(configFile);
  if (!loaded.config) return sayProblems(loaded), EX_CONFIG;
  const log::Log log = log::open(loaded.config->log, "queued/auth");
  try {
    return serve(configFile, loaded.config, log);
  } catch (const std::exception& error) {
    log.error("fatal", {{"reason", error.what()}});
    return EX_SOFTWARE;
  }
}

}  // namespace ostler::queued::auth
