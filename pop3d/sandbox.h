// sandbox.h - what pop3d gives up before it serves anybody.
#pragma once

#include <string>

#include "libmailcore/base/result.h"
#include "libmailcore/config/config.h"

namespace ostler::pop3 {

/// User, capabilities, files, system calls. Before any thread starts. Errors: permanent.
[[nodiscard]] Result<void> confine(const config::Config& config, const std::string& configFile);

}  // namespace ostler::pop3
