// programs.h - the role `programs` of queued: runs the programs that aliases lead to, as who they belong to.
#pragma once

#include <string>

namespace ostler::programs {

/// Serves programs.sock until SIGTERM. Returns the process's exit status (sysexits(3)).
[[nodiscard]] int runPrograms(const std::string& configFile);

}  // namespace ostler::programs
