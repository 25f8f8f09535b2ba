#include "imapd/sandbox.h"

#include "libmailcore/daemon/file_rights.h"

namespace ostler::imap {

// user       Config::user, without capabilities
// programs   none
// network    what listens; no connection goes out
// files      the accounts and their notices, its log; the configuration and the certificates to read them again
Result<void> confineProcess(const config::Config& config, const std::string& configFile) {
  daemon::FileRights rights = daemon::listenerFiles(config, configFile);
  daemon::addMailboxes(rights, config);
  return daemon::confineTo(config, rights, daemon::SystemCalls::process);
}

Result<void> confineWorker() {
  return daemon::restrictSystemCalls(daemon::SystemCalls::worker);
}

}  // namespace ostler::imap
