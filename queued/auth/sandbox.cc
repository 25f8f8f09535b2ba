#include "queued/auth/sandbox.h"

#include "libmailcore/daemon/confine.h"

namespace ostler::queued::auth {

// user       Config::user, without capabilities; with PAM as started, because PAM wants to read the shadow file
// programs   none; PAM has helpers
// network    none: sockets of the family AF_UNIX alone
// files      the directory, the accounts (to make a folder and hand over its descriptor), the sockets, its log; /etc to
// look up
//            users, and the configuration to read it again. With alias lists allowed everything may be read: they may
//            lie anywhere.
Result<void> confine(const config::Config& config, const std::string& configFile, Passwords passwords) {
  if (passwords == Passwords::elsewhere) return {};
  if (const auto user = daemon::becomeUser(config.user); !user) return user;
  if (const auto fixed = daemon::noNewPrivileges(); !fixed) return fixed;
  daemon::FileRights rights;
  rights.read = daemon::pathsToRereadOf(configFile, {});
  for (const char* const system : {"/etc", "/proc/self", "/dev/urandom", "/usr/share/zoneinfo"})
    rights.read.emplace_back(system);
  if (config.directory.aliasFiles) rights.read.emplace_back("/");
  rights.readWrite = {config.directoryDir(), config.accountsDir(), config.runDir};
  if (!config.log.file.empty()) rights.readWrite.push_back(config.log.file.substr(0, config.log.file.rfind('/') + 1));
  const Result<bool> files = daemon::restrictFiles(rights);
  if (!files) return fail(files.error());
  return daemon::restrictSystemCalls(daemon::SystemCalls::keeper);
}

}  // namespace ostler::queued::auth
