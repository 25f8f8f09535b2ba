// health.h - the role health of queued: tells over HTTP on loopback whether the suite is well, and in numbers how.
#pragma once

#include <string>

namespace ostler::health {

/// Serves until SIGTERM; returns an exit code of sysexits(3). Without health.listeners there is nothing to serve: EX_CONFIG.
[[nodiscard]] int runHealth(const std::string& configFile);

}  // namespace ostler::health
