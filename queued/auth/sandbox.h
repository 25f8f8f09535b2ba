// sandbox.h - what auth gives up before it listens.
#pragma once

#include <string>

#include "libmailcore/config/config.h"

namespace ostler::queued::auth {

/// Who checks passwords here: `elsewhere` (PAM) starts helpers and reads what it likes, so less can be given up.
enum class Passwords { ours, elsewhere };

/// Errors: permanent.
[[nodiscard]] Result<void> confine(const config::Config& config, const std::string& configFile, Passwords passwords);

}  // namespace ostler::queued::auth
