// open.h - a Log as the configuration says.
#pragma once

#include <string>

#include "libmailcore/config/config.h"
#include "libmailcore/log/log.h"

namespace ostler::log {

/// `program`: "smtpd", "queued/spool".
[[nodiscard]] Log open(const config::LogSettings& settings, std::string program);
/// After a reload: takes over the levels and opens the file anew. Target and format stay until the next start.
void apply(const Log& log, const config::LogSettings& settings);

}  // namespace ostler::log
