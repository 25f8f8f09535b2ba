#include "libmailcore/daemon/mailbox_sandbox.h"

#include "libmailcore/daemon/file_rights.h"

namespace ostler::daemon {

// user       Config::user, without capabilities
// programs   none
// network    what listens; no connection goes out
// files      the accounts and their notices, its log; the configuration and the certificates to read them again
Result<void> confineMailboxProcess(const config::Config& config, const std::string& configFile) {
  FileRights rights = listenerFiles(config, configFile);
  addMailboxes(rights, config);
  return confineTo(config, rights, SystemCalls::process);
}

Result<void> confineMailboxWorker() {
  return restrictSystemCalls(SystemCalls::worker);
}

}  // namespace ostler::daemon
