#include "smtpd/sandbox.h"

#include <filesystem>

#include "libmailcore/daemon/confine.h"

namespace ostler::smtpd {
namespace {

// What a reload reads again: the configuration and the certificates. Nothing of spool, store or directory.
daemon::FileRights filesOf(const config::Config& config, const std::string& configFile) {
  const std::vector<std::string> secret = {config.dataDir,   config.queueDir(),   config.pickupDir(),
                                           config.dropDir(), config.badmailDir(), config.runDir};
  std::vector<std::string> files = {configFile};
  for (const net::CertificateFiles& pair : config.certificates) {
    files.push_back(pair.certificate);
    files.push_back(pair.key);
  }
  daemon::FileRights rights;
  for (const std::string& file : files) {
    for (std::string& path : daemon::pathsToRereadOf(file, secret)) rights.read.push_back(std::move(path));
  }
  rights.read.push_back("/etc/localtime");
  if (config.log.target == config::LogSettings::Target::file) {
    rights.readWrite.push_back(
        std::filesystem::path(config.log.file).parent_path().string());  // opened anew after rotation
  }
  return rights;
}

}  // namespace

Result<void> confineProcess(const config::Config& config, const std::string& configFile) {
  if (const auto user = daemon::becomeUser(config.user); !user) return user;
  if (const auto fixed = daemon::noNewPrivileges(); !fixed) return fixed;
  const Result<bool> files = daemon::restrictFiles(filesOf(config, configFile));
  if (!files) return fail(files.error());
  return daemon::restrictSystemCalls(daemon::SystemCalls::process);
}

Result<void> confineWorker() {
  return daemon::restrictSystemCalls(daemon::SystemCalls::worker);
}

}  // namespace ostler::smtpd
