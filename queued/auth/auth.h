// auth.h - the role `auth` of queued: a process of its own that alone reads password verifiers.
#pragma once

#include <string>

namespace ostler::queued::auth {

/// Runs until SIGTERM. SIGHUP reads the configuration again, or keeps the old one and says why.
/// Returns the process's exit status (sysexits(3)).
[[nodiscard]] int runAuth(const std::string& configFile);

}  // namespace ostler::queued::auth
