#include "smtpd/sandbox.h"

#include "libmailcore/daemon/file_rights.h"

namespace ostler::smtpd {

// user       Config::user, without capabilities
// programs   none
// network    what listens; no connection goes out
// files      its log; the configuration and the certificates to read them again. Nothing of spool, store or directory.
Result<void> confineProcess(const config::Config& config, const std::string& configFile) {
  return daemon::confineTo(config, daemon::listenerFiles(config, configFile), daemon::SystemCalls::process);
}

Result<void> confineWorker() {
  return daemon::restrictSystemCalls(daemon::SystemCalls::worker);
}

}  // namespace ostler::smtpd
