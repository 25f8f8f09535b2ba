// open.h - a Log as the configuration says.
#pragma once

#include <string>

#include "libmailcore/config/config.h"
#include "libmailcore/log/log.h"

namespace ostler::log {

/// `program`: "smtpd", "queued/spool". Rules about that process are applied.
[[nodiscard]] Log open(const config::LogSettings& settings, const std::string& program);
/// The log of one virtual server's sessions: `log` itself, the process's, unless a rule names that server.
[[nodiscard]] Log openFor(const Log& log, const config::LogSettings& settings, const std::string& program, const std::string& virtualServer);
/// After a reload: takes over the levels and opens the file anew. Target and format stay until the next start.
void apply(const Log& log, const config::LogSettings& settings, const std::string& program);

}  // namespace ostler::log
