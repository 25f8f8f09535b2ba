// open.h - a Log as the configuration says.
#pragma once

#include <string>

#include "libmailcore/config/config.h"
#include "libmailcore/log/log.h"

namespace ostler::log {

/// `program`: "smtpd", "queued/spool". Rules about that process are applied; virtual servers that rules name have logs of their own
/// (Log::of).
[[nodiscard]] Log open(const config::LogSettings& settings, const std::string& program);
/// After a reload: takes over levels and the logs of virtual servers, and opens the file anew. The process's own target and format stay
/// until the next start.
void apply(const Log& log, const config::LogSettings& settings, const std::string& program);

}  // namespace ostler::log
