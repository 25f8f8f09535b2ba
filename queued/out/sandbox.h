// sandbox.h - what role out gives up before it answers the first request.
#pragma once

#include <string>

#include "libmailcore/config/config.h"

namespace ostler::out {

/// REQUIRES: out.sock is bound, no thread runs. Errors: permanent.
[[nodiscard]] Result<void> confine(const config::Config& config, const std::string& configFile);

}  // namespace ostler::out
