// out.h - the role `out` of queued: a process of its own that does DNS and outbound SMTP and LMTP, and holds no mail.
#pragma once

#include <string>

namespace ostler::out {

/// Serves out.sock until SIGTERM. SIGHUP reads the configuration again, or keeps the old one and says why.
/// Returns the process's exit status (sysexits(3)).
[[nodiscard]] int runOut(const std::string& configFile);

}  // namespace ostler::out
