#include "imapd/sandbox.h"

#include <filesystem>

#include "libmailcore/daemon/confine.h"

namespace ostler::imap {
namespace {

// Accounts are reached through descriptors that auth hands over; the folder they lie in stays closed by its owner and
// mode. Landlock judges by path, so it has to allow what lies below.
daemon::FileRights filesOf(const config::Config& config, const std::string& configFile) {
  const std::vector<std::string> secret = {config.directoryDir(), config.queueDir(),   config.pickupDir(),
                                           config.dropDir(),      config.badmailDir(), config.accountsDir()};
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
  rights.readWrite.push_back(config.accountsDir());
  rights.readWrite.push_back(config.runDir + "/notify");
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
  // A rule needs its folder to be there.
  std::error_code ignored;
  std::filesystem::create_directories(config.runDir + "/notify", ignored);
  const Result<bool> files = daemon::restrictFiles(filesOf(config, configFile));
  if (!files) return fail(files.error());
  return daemon::restrictSystemCalls(daemon::SystemCalls::process);
}

Result<void> confineWorker() {
  return daemon::restrictSystemCalls(daemon::SystemCalls::worker);
}

}  // namespace ostler::imap
