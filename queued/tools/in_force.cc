#include "queued/tools/in_force.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "libmailcore/base/ascii.h"
#include "libmailcore/config/run_dir.h"
#include "libmailcore/config/sources.h"
#include "libmailcore/daemon/reach.h"
#include "libmailcore/daemon/refusals.h"
#include "libmailcore/log/open.h"
#include "queued/tools/supervisor_lock.h"

namespace ostler::tools {
namespace {

namespace fs = std::filesystem;

std::string folderOf(const config::Config& config) { return config.runDir + "/config"; }

/// As the processes' user, who reads it again after he has given up root.
void giveTo(const std::string& user, const std::string& path) {
  const passwd* const entry = ::geteuid() != 0 || user.empty() ? nullptr : ::getpwnam(user.c_str());
  if (entry != nullptr) (void)!::chown(path.c_str(), entry->pw_uid, entry->pw_gid);
}

/// By rename: who reads has the old or the new.
bool write(const std::string& path, const std::string& content, const std::string& user) {
  const std::string aside = path + ".new";
  ::unlink(aside.c_str());
  const mode_t before = ::umask(0077);
  std::ofstream out(aside, std::ios::binary | std::ios::trunc);
  ::umask(before);
  out << content;
  out.close();
  giveTo(user, aside);
  return out && ::rename(aside.c_str(), path.c_str()) == 0;
}

std::vector<std::string> reasons(const config::Config& atStart, const config::Config& taken, const config::Config& next, const std::string& file) {
  std::vector<std::string> all = daemon::refusals(taken, next);
  if (!daemon::confinesToFiles()) return all;
  for (std::string& beyond : daemon::outOfReach(atStart, next, file)) all.push_back(std::move(beyond));
  return all;
}

constexpr const char* kUsualFile = "/etc/ostler/ostler.yaml";

/// Of a file that is being written, and no YAML yet, its line that says so.
std::string runDirOf(const std::string& file) {
  const std::string said = config::runDirOf(file);
  if (!said.empty()) return said;
  constexpr std::string_view kKey = "run_dir:";
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(kKey)) continue;
    std::string_view value = trim(std::string_view(line).substr(kKey.size()));
    const bool isQuoted = value.size() > 1 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front();
    if (isQuoted) value = value.substr(1, value.size() - 2);
    return value.starts_with('/') ? std::string(value) : std::string();
  }
  return in.eof() && file == kUsualFile ? config::Config{}.runDir : std::string();
}

}  // namespace

std::string startedSnapshot(const config::Config& config) { return folderOf(config) + "/started"; }
std::string takenSnapshot(const config::Config& config) { return folderOf(config) + "/taken"; }

InForce::InForce(std::string file, std::shared_ptr<const config::Config> config, log::Log log)
    : file_(std::move(file)), atStart_(std::move(config)), taken_(atStart_), isAlone_(daemon::standsAlone(*atStart_, file_)), log_(std::move(log)) {
  ::mkdir(folderOf(*atStart_).c_str(), 0700);
  giveTo(atStart_->user, folderOf(*atStart_));
  keep(startedSnapshot(*atStart_));
  keep(takenSnapshot(*atStart_));
}

void InForce::keep(const std::string& snapshot) const {
  std::vector<config::Problem> problems;
  const std::vector<config::Source> sources = config::readSources(file_, problems);
  if (problems.empty() && write(snapshot, config::snapshotOf(sources), atStart_->user)) return;
  log_.error("configuration", {{"problem", "cannot be kept as " + snapshot + ": " + std::strerror(errno)}});
}

std::string InForce::fileToStartOn() const {
  const std::string snapshot = takenSnapshot(*atStart_);
  std::error_code none;
  const bool isKept = fs::exists(snapshot, none);
  if (isAlone_ && isKept) return snapshot;
  const config::Loaded loaded = config::load(file_);
  if (loaded.config || !isKept) return file_;
  for (const config::Problem& problem : loaded.problems) log_.error("configuration", {{"problem", config::toText(problem)}});
  log_.error("started-on-snapshot", {{"reason", "the configuration has errors; what was last in force is used"}, {"snapshot", snapshot}});
  return snapshot;
}

bool InForce::mayReload() {
  const config::Loaded loaded = config::load(file_);
  for (const config::Problem& problem : loaded.problems) log_.warn("configuration", {{"problem", config::toText(problem)}});
  std::vector<std::string> against = {"the configuration has errors; everything goes on as it was"};
  if (loaded.config) against = reasons(*atStart_, *taken_, *loaded.config, file_);
  for (const std::string& reason : against) log_.error("reload-refused", {{"reason", reason}});
  if (!against.empty()) return false;
  taken_ = loaded.config;
  keep(takenSnapshot(*atStart_));  // before a process is told: one that was started on it reads it again
  log::apply(log_, taken_->log, "ostler");
  return true;
}

InForceNow configInForce(const std::string& file) {
  const std::string path = fs::absolute(file).string();
  config::Loaded loaded = config::load(path);
  InForceNow now{loaded.config, !loaded.config, ""};
  const std::string runDir = loaded.config ? loaded.config->runDir : runDirOf(path);
  config::Config there;
  there.runDir = runDir;
  std::vector<config::Problem> unread;
  const bool isRunning = !runDir.empty() && SupervisorLock::holder(runDir);
  const std::vector<config::Source> taken = isRunning && ::access(takenSnapshot(there).c_str(), R_OK) == 0 ? config::readSources(takenSnapshot(there), unread) : std::vector<config::Source>();
  if (loaded.config) {
    if (!taken.empty() && taken.front().file == path && taken != config::readSources(path, unread)) now.why = "has changed since it was taken; SIGHUP reloads it";
    return now;
  }
  for (const config::Problem& problem : loaded.problems) {
    if (problem.severity == config::Problem::Severity::error) fmt::print(stderr, "{}\n", config::toText(problem));
  }
  if (taken.empty()) return now;
  now.config = config::load(takenSnapshot(there)).config;
  now.why = "has errors; the suite goes on with what it took before";
  return now;
}

std::shared_ptr<const config::Config> lastTaken(const std::string& file) {
  config::Config there;
  there.runDir = runDirOf(fs::absolute(file).string());
  const bool isKnown = !there.runDir.empty() && SupervisorLock::holder(there.runDir) && ::access(takenSnapshot(there).c_str(), R_OK) == 0;
  return isKnown ? config::load(takenSnapshot(there)).config : nullptr;
}

std::shared_ptr<const config::Config> configToAsk(const std::string& file) {
  const config::Loaded loaded = config::load(file);
  if (loaded.config) return loaded.config;
  for (const config::Problem& problem : loaded.problems) {
    if (problem.severity == config::Problem::Severity::error) fmt::print(stderr, "{}\n", config::toText(problem));
  }
  if (auto taken = lastTaken(file)) return taken;
  const auto place = std::make_shared<config::Config>();
  place->runDir = runDirOf(fs::absolute(file).string());
  if (place->runDir.empty()) return nullptr;
  return place;
}

std::vector<std::string> reloadRefusals(const config::Config& next) {
  if (!SupervisorLock::holder(next.runDir)) return {};
  const config::Loaded started = config::load(startedSnapshot(next));
  const config::Loaded taken = config::load(takenSnapshot(next));
  if (!started.config || !taken.config) return {};
  return reasons(*started.config, *taken.config, next, next.placeOf("").file);
}

}  // namespace ostler::tools
