#include "queued/out/sandbox.h"

#include "libmailcore/daemon/file_rights.h"

namespace ostler::out {

// out speaks with strangers and holds no mail: content comes as a read-only descriptor per message. It reads its
// configuration and what DNS and TLS need, writes nothing but its log, starts no program.
Result<void> confine(const config::Config& config, const std::string& configFile) {
  daemon::FileRights rights = daemon::reloadFiles(config, configFile);
  for (const char* const path : {"/etc/resolv.conf", "/etc/hosts", "/etc/ssl", "/usr/lib/ssl",
                                 "/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/usr/share/dns"}) {
    rights.read.emplace_back(path);
  }
  for (const std::string& file : {config.outbound.caFile, config.log.syslogCa, config.oauth.introspectionCa, config.oauth.clientSecretFile,
                                  config.outbound.certificate.certificate, config.outbound.certificate.key}) {
    if (!file.empty()) daemon::addReread(rights, config, file);
  }
  rights.outgoingTcp = daemon::FileRights::OutgoingTcp::allowed;
  return daemon::confineTo(config, rights, daemon::SystemCalls::process);
}

}  // namespace ostler::out
