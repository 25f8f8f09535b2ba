// sandbox.h - what role spool gives up before it touches a message: other users' rights, programs, the network, foreign files.
#pragma once

#include <string>

#include "libmailcore/base/result.h"
#include "libmailcore/config/config.h"

namespace ostler::spool {

/// Errors: permanent: nobody is served outside the sandbox.
[[nodiscard]] Result<void> confine(const config::Config& config, const std::string& configFile);

}  // namespace ostler::spool
