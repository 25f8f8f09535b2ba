#include "libmailcore/daemon/file_rights.h"

#include <filesystem>
#include <vector>

#include "libmailcore/daemon/folders.h"

namespace ostler::daemon {

void addReread(FileRights& rights, const config::Config& config, const std::string& file) {
  std::vector<std::string> secret = {config.dataDir, config.queueDir(), config.pickupDir(), config.dropDir(), config.runDir};
  for (std::string& folder : config.badmailDirs()) secret.push_back(std::move(folder));
  for (std::string& path : pathsToRereadOf(file, secret)) rights.read.push_back(std::move(path));
}

FileRights reloadFiles(const config::Config& config, const std::string& configFile) {
  FileRights rights;
  addReread(rights, config, configFile);
  // Who was started on a snapshot has the rights that the file itself would have given: a certificate beside it, say.
  if (const std::string& original = config.placeOf("").file; !original.empty()) addReread(rights, config, original);
  rights.read.emplace_back("/etc/localtime");
  rights.read.emplace_back("/usr/share/zoneinfo");
  if (config.log.target == config::LogTarget::file) {
    rights.readWrite.push_back(std::filesystem::path(config.log.file).parent_path().string());
  }
  for (const config::LogRule& rule : config.log.rules) {
    if (!rule.file.empty()) rights.readWrite.push_back(std::filesystem::path(rule.file).parent_path().string());
  }
  return rights;
}

FileRights listenerFiles(const config::Config& config, const std::string& configFile) {
  FileRights rights = reloadFiles(config, configFile);
  for (const auto& [pair, hostName] : config.allCertificates()) {
    addReread(rights, config, pair.certificate);
    addReread(rights, config, pair.key);
  }
  if (!config.clientCa.empty()) addReread(rights, config, config.clientCa);
  return rights;
}

void addMailboxes(FileRights& rights, const config::Config& config) {
  // Who may not make them finds them made by the process that owns them.
  (void)makeFolder(config.accountsDir(), 0700, config.user);
  (void)makeFolder(config.runDir + "/notify", 0755, config.user);
  rights.readWrite.push_back(config.accountsDir());
  rights.readWrite.push_back(config.runDir + "/notify");
}

Result<void> confineTo(const config::Config& config, const FileRights& rights, SystemCalls calls) {
  Result<void> done = becomeUser(config.user);
  if (done) done = noNewPrivileges();
  if (!done) return done;
  const Result<bool> files = restrictFiles(rights);
  if (!files) return fail(files.error());
  return restrictSystemCalls(calls);
}

}  // namespace ostler::daemon
