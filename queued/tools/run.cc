// run.cc - ostler run: the suite under one supervisor, in the foreground; ostler stop: its end.
#include <pwd.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <thread>

#include <fmt/format.h>

#include "libmailcore/config/restore_mark.h"
#include "libmailcore/config/run_dir.h"
#include "libmailcore/daemon/environment_file.h"
#include "libmailcore/daemon/folders.h"
#include "libmailcore/log/open.h"
#include "queued/tools/common.h"
#include "queued/tools/in_force.h"
#include "queued/tools/supervisor.h"
#include "queued/tools/supervisor_lock.h"

namespace ostler::tools {
namespace {

namespace fs = std::filesystem;

/// The daemons: in ../libexec/ostler of an installation, beside us in a build folder.
fs::path daemonFolder() {
  const fs::path ours = fs::read_symlink("/proc/self/exe").parent_path();
  const fs::path installed = ours.parent_path() / "libexec/ostler";
  return fs::exists(installed / "smtpd") ? installed : ours;
}

std::vector<Program> programsOf(const config::Config& config) {
  const fs::path folder = daemonFolder();
  const auto path = [&](const char* name) { return (folder / name).string(); };
  std::vector<Program> programs;
  for (const char* role : {"auth", "spool", "out"}) {
    programs.push_back({std::string("queued/") + role, {path("queued"), "--role", role}, 1});
  }
  if (config.directory.aliasPipes)
    programs.push_back({"queued/programs", {path("queued"), "--role", "programs"}, 1});
  for (const char* name : {"smtpd", "pop3d", "imapd"}) programs.push_back({name, {path(name)}, 0});
  if (!config.healthListeners.empty())
    programs.push_back({"queued/health", {path("queued"), "--role", "health"}, 0});
  return programs;
}


bool makeFolder(const std::string& folder, mode_t mode, const std::string& user) {
  const Result<void> made = daemon::makeFolder(folder, mode, user);
  if (made && fs::is_directory(folder)) return true;
  fmt::print(stderr, "ostler: {}\n", made ? folder + " is no folder" : made.error().detail);
  return false;
}

/// The processes make their sockets there, as the user that they become. A folder of root's that holds nothing, or what an earlier
/// run left, is given to that user; one that holds anything else was not meant for us alone.
bool makeRunDir(const config::Config& config) {
  if (!makeFolder(config.runDir, 0755, config.user)) return false;
  const passwd* const user = config.user.empty() ? nullptr : ::getpwnam(config.user.c_str());
  if (::geteuid() != 0 || user == nullptr || user->pw_uid == 0) return true;
  struct stat status{};
  std::error_code error;
  const bool isRoots = ::stat(config.runDir.c_str(), &status) == 0 && status.st_uid == 0;
  const bool isOurs = fs::is_empty(config.runDir, error) || fs::exists(config.runDir + "/supervisor.lock", error);
  if (isRoots && isOurs) (void)!::chown(config.runDir.c_str(), user->pw_uid, user->pw_gid);
  if (isRoots && !isOurs) {
    fmt::print(stderr, "ostler: run_dir {0} is root's, and the processes become {1}, who could not make their sockets there; chown {1} {0}, or name another\n",
               config.runDir, config.user);
    return false;
  }
  return makeFolder(config.log.countersDir, 0770, config.user);
}

}  // namespace

int run(const Call& call) {
  CommonOptions options;
  std::string environmentFile;
  CLI::App app("Starts the daemons and keeps them running until SIGTERM; SIGHUP reloads the configuration.");
  addConfigOption(app, options);
  app.add_option("--env-file", environmentFile, "keep SUPERVISOR_PID and PIDS in this file of KEY=value lines")
      ->type_name("FILE");
  if (const auto status = parse(app, call)) return *status;
  options.config = fs::absolute(options.config).string();

  const auto config = loadConfig(options);
  if (!config) return EX_CONFIG;
  if (const std::string why = config::whyNotWhole(*config); !why.empty()) {
    fmt::print(stderr, "ostler: {}\n", why);
    return EX_CONFIG;
  }
  if (!makeRunDir(*config) || !makeFolder(config->dataDir, 0755, config->user)) return EX_CANTCREAT;
  const auto lock = SupervisorLock::take(config->runDir, Deadline::after(std::chrono::seconds(4)));
  if (!lock) {
    fmt::print(stderr, "ostler: {}\n", lock.error().detail);
    return EX_TEMPFAIL;
  }
  const log::Log log = log::open(config->log, "ostler");
  const daemon::EnvironmentFile environment(environmentFile);
  InForce inForce(options.config, config, log);
  Supervisor supervisor(programsOf(*config), [&inForce] { return inForce.fileToStartOn(); }, log,
                        [&](const std::vector<pid_t>& pids) { return environment.write(pids); });
  log.info("run", {{"version", OSTLER_VERSION}, {"config", options.config}});
  supervisor.run([&inForce] { return inForce.mayReload(); });
  log.info("stopped");
  return EX_OK;
}

int stop(const Call& call) {
  CommonOptions options;
  int timeout = 10;
  std::string runDir;
  CLI::App app("Ends a running suite and waits until it is gone. Exit status 0 also when nothing ran. The configuration may have errors.");
  addConfigOption(app, options);
  app.add_option("--run-dir", runDir, "the run_dir of that suite, where the configuration cannot be read at all")->type_name("DIR");
  app.add_option("--timeout", timeout, "seconds until the rest is killed")->check(CLI::Range(1, 3600));
  if (const auto status = parse(app, call)) return *status;
  if (std::string said = config::runDirOf(options.config); !said.empty()) runDir = std::move(said);
  if (runDir.empty()) {
    (void)loadConfig(options);  // says why
    fmt::print(stderr, "ostler: which suite is to end cannot be told; name its run_dir with --run-dir\n");
    return EX_CONFIG;
  }

  const auto first = SupervisorLock::holder(runDir);
  if (!first) return EX_OK;
  if (::kill(*first, SIGTERM) != 0 && errno != ESRCH) {
    fmt::print(stderr, "ostler: cannot signal process {}: {}\n", *first, std::strerror(errno));
    return EX_NOPERM;
  }
  const Deadline deadline = Deadline::after(std::chrono::seconds(timeout) - std::chrono::milliseconds(500));
  while (SupervisorLock::holder(runDir) == first) {
    if (deadline.passed()) ::kill(*first, SIGKILL);  // its children go with it
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return EX_OK;
}

}  // namespace ostler::tools
