#include "queued/auth/auth.h"

#include <sys/resource.h>
#include <sysexits.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <thread>

#include "libmailcore/config/restore_mark.h"
#include "libmailcore/daemon/folders.h"
#include "libmailcore/daemon/role.h"
#include "libmailcore/directory/system/system_users.h"
#include "libmailcore/ipc/introspection.h"
#include "queued/auth/auth_service.h"
#include "queued/auth/directory_watch.h"
#include "queued/auth/sandbox.h"

namespace ostler::queued::auth {

namespace {

constexpr std::chrono::milliseconds kDrain{200};
constexpr std::chrono::seconds kPatience{8};  // with role out, which has 5 s for the authorization server

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

/// The service with what it stands on.
class Process final : public daemon::Role {
 public:
  Process(const daemon::RoleStart& start, std::unique_ptr<directory::OwnDirectory> directory, std::string decoy)
      : loop_(start.loop),
        hashing_("auth-hash", std::max(1U, std::thread::hardware_concurrency()), 1024),
        network_(start.loop, start.config->socketPath("tokens")),
        service_({start.loop, hashing_, reads_, clock_, start.log, std::move(directory), start.config, std::move(decoy), delayAfter,
                  [this](std::string token) { return network_.call(ipc::Introspect{std::move(token)}, Deadline::after(kPatience)); }}),
        server_(start.loop, limits()),
        watch_(start.loop, start.config->directoryDir(), [this] { service_.directoryChanged(); }) {
    service_.serve(server_);
    if (!watch_.isWatching()) start.log.warn("directory-watch", {{"reason", "inotify(7) fails: who is disabled or removed stays logged in up to an hour"}});
  }

  [[nodiscard]] static daemon::RoleMade make(const daemon::RoleStart& start) {
    const auto refuse = [](int status, const Error& error) { return tl::unexpected(daemon::RoleRefusal{status, error.detail}); };
    const config::Config& config = *start.config;
    if (const std::string why = config::whyNotWhole(config); !why.empty()) return tl::unexpected(daemon::RoleRefusal{EX_CONFIG, why});
    const Result<void> folders = makeFolders(config);
    if (!folders) return refuse(EX_CANTCREAT, folders.error());
    ::tzset();  // reads a file, which later is not allowed
    const Result<void> confined = confine(config, start.configFile, whoChecks(config));
    if (!confined) return refuse(EX_OSERR, confined.error());
    auto directory = directory::OwnDirectory::open(config.directoryDir());
    if (!directory) return refuse(EX_CANTCREAT, directory.error());
    (*directory)->attach(directory::Kind::system, std::make_shared<directory::SystemUsers>());
    // Costs what a real check costs, so that a user that does not exist cannot be told by the clock.
    const Result<sasl::Verifiers> decoy = sasl::makeVerifiers(toHex(randomOctets(16)), {});
    if (!decoy) return refuse(EX_SOFTWARE, decoy.error());
    auto process = std::make_unique<Process>(start, std::move(*directory), decoy->passwordHash);
    const Result<void> listening = process->server_.listen(config.socketPath("auth"), 0660);
    if (!listening) return refuse(EX_UNAVAILABLE, listening.error());
    return process;
  }

  [[nodiscard]] Result<void> use(std::shared_ptr<const config::Config> config) override {
    service_.replaceConfig(std::move(config));
    return {};
  }
  /// Logins under way get their answers; the sessions they belong to end by themselves, in their own daemons.
  [[nodiscard]] Task<void> drain() override {
    server_.stopListening();
    co_await loop_.sleepUntil(Deadline::after(kDrain));
  }

 private:
  static ipc::ServerLimits limits() {
    ipc::ServerLimits limits;
    limits.requestsInFlight = 16'384;
    return limits;
  }

  Loop& loop_;
  SystemClock clock_;
  Pool hashing_;  // a flood of guesses is told to come back, not queued for minutes
  Pool reads_{"auth-directory", 4};
  ipc::Client network_;  // role out, which has one
  AuthService service_;
  ipc::Server server_;
  DirectoryWatch watch_;
};

}  // namespace

int runAuth(const std::string& configFile) {
  keepMemoryOffDisk();
  return daemon::runRole(configFile, "queued/auth", &Process::make);
}

}  // namespace ostler::queued::auth
