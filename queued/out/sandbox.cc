#include "queued/out/sandbox.h"

#include "libmailcore/daemon/confine.h"

namespace ostler::out {

// out speaks with strangers and holds no mail: content comes as a read-only descriptor per message. It reads its configuration and
// what DNS and TLS need, writes nothing, starts no program.
Result<void> confine(const config::Config& config, const std::string& configFile) {
  if (const auto user = daemon::becomeUser(config.user); !user) return user;
  if (const auto none = daemon::noNewPrivileges(); !none) return none;
  daemon::FileRights rights;
  rights.read = daemon::pathsToRereadOf(configFile, {config.dataDir, config.queueDir()});
  for (const char* const path : {"/etc/resolv.conf", "/etc/hosts", "/etc/ssl", "/usr/lib/ssl", "/usr/share/ca-certificates",
                                 "/usr/local/share/ca-certificates", "/usr/share/dns", "/etc/localtime", "/usr/share/zoneinfo"}) {
    rights.read.emplace_back(path);
  }
  if (!config.outbound.caFile.empty()) rights.read.push_back(config.outbound.caFile);
  if (config.log.target == config::LogSettings::Target::file) rights.readWrite.push_back(config.log.file);
  rights.outgoingTcp = daemon::FileRights::OutgoingTcp::allowed;
  const Result<bool> files = daemon::restrictFiles(rights);
  if (!files) return fail(files.error());
  return daemon::restrictSystemCalls(daemon::SystemCalls::process);
}

}  // namespace ostler::out
