#include "queued/spool/sandbox.h"

#include "libmailcore/daemon/confine.h"

namespace ostler::spool {

// user       Config::user, without capabilities
// programs   none: no execve, no ptrace, no new privileges
// network    none: sockets of the family AF_UNIX alone, so that a break-in by way of a message reaches nobody
// files      the spool's four folders, the accounts, the sockets, its log; the configuration to read it again. Not the directory,
//            not the keys. With alias files allowed the whole tree stays writable: they may lie anywhere.
Result<void> confine(const config::Config& config, const std::string& configFile) {
  if (const auto user = daemon::becomeUser(config.user); !user) return user;
  if (const auto alone = daemon::noNewPrivileges(); !alone) return alone;
  if (!config.directory.aliasFiles) {
    daemon::FileRights rights;
    rights.read = daemon::pathsToRereadOf(configFile, {config.directoryDir()});
    for (const config::RouteRule& rule : config.routes) {
      if (!rule.passwordFile.empty()) rights.read.push_back(rule.passwordFile);
    }
    for (const char* system : {"/usr/share/zoneinfo", "/etc/localtime", "/proc/self", "/dev/urandom"}) rights.read.emplace_back(system);
    rights.readWrite = {config.pickupDir(), config.queueDir(), config.dropDir(), config.badmailDir(), config.accountsDir(), config.runDir};
    if (!config.log.file.empty()) rights.readWrite.push_back(config.log.file.substr(0, config.log.file.rfind('/') + 1));
    const Result<bool> files = daemon::restrictFiles(rights);
    if (!files) return fail(files.error());
  }
  return daemon::restrictSystemCalls(daemon::SystemCalls::keeper);
}

}  // namespace ostler::spool
