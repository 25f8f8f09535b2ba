#include "queued/spool/sandbox.h"

#include "libmailcore/daemon/file_rights.h"

namespace ostler::spool {

// user       Config::user, without capabilities
// programs   none: no execve, no ptrace, no new privileges
// network    none: sockets of the family AF_UNIX alone, so that a break-in by way of a message reaches nobody
// files      the spool's four folders, the accounts, the sockets, its log; the configuration to read it again; who the
//            system's users are, for operators that a reload may bring. Not the directory, not the keys. With alias files allowed the whole tree stays writable: they may lie anywhere.
Result<void> confine(const config::Config& config, const std::string& configFile) {
  daemon::FileRights rights = daemon::reloadFiles(config, configFile);
  for (const config::RouteRule& rule : config.routes) {
    if (!rule.passwordFile.empty()) daemon::addReread(rights, config, rule.passwordFile);
    if (!rule.recipientsFile.empty()) daemon::addReread(rights, config, rule.recipientsFile);
  }
  if (!config.reports.templates.empty()) rights.read.push_back(config.reports.templates);
  for (const char* const names : {"/etc/passwd", "/etc/group", "/etc/nsswitch.conf"}) rights.read.emplace_back(names);
  for (const char* const system : {"/proc/self", "/dev/urandom"}) rights.read.emplace_back(system);
  for (const std::string& own : {config.pickupDir(), config.queueDir(), config.dropDir(), config.accountsDir(), config.runDir}) {
    rights.readWrite.push_back(own);
  }
  for (const std::string& folder : config.badmailDirs()) rights.readWrite.push_back(folder);
  if (config.directory.aliasFiles) rights.readWrite.emplace_back("/");
  return daemon::confineTo(config, rights, daemon::SystemCalls::keeper);
}

}  // namespace ostler::spool
