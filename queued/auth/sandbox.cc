#include "queued/auth/sandbox.h"

#include <filesystem>

#include "libmailcore/daemon/file_rights.h"

namespace ostler::queued::auth {

// user       Config::user, without capabilities; with PAM as started, because PAM wants to read the shadow file
// programs   none; PAM has helpers
// network    none: sockets of the family AF_UNIX alone
// files      the directory, the accounts (to make a folder and hand over its descriptor), the sockets, its log; /etc to
//            look up users, and the configuration to read it again. With alias lists allowed everything may be read:
//            they may lie anywhere.
Result<void> confine(const config::Config& config, const std::string& configFile, Passwords passwords) {
  if (passwords == Passwords::elsewhere) return {};
  daemon::FileRights rights = daemon::reloadFiles(config, configFile);
  for (const char* const system : {"/etc", "/proc/self", "/dev/urandom"}) rights.read.emplace_back(system);
  for (const std::string& replaced : {config.oauth.jwksFile, config.kerberos.keytab}) {  // by rename
    if (!replaced.empty()) rights.read.push_back(std::filesystem::path(replaced).parent_path().string());
  }
  if (config.directory.aliasFiles) rights.read.emplace_back("/");
  for (const std::string& own : {config.directoryDir(), config.accountsDir(), config.runDir})
    rights.readWrite.push_back(own);
  return daemon::confineTo(config, rights, daemon::SystemCalls::keeper);
}

}  // namespace ostler::queued::auth
