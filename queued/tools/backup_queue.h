// backup_queue.h - the queue in a backup: a journal of its own that holds every message as it stood, with attempts, due times, holds
// and what its sender asked for. A spool opens it like its own.
#pragma once

#include <cstddef>
#include <string>

#include "libmailcore/base/result.h"
#include "libmailcore/config/config.h"

namespace ostler::tools {

/// Asks the running spool for its messages and writes them to the folder `to`: segments, and large/. Every message that was in the queue
/// when it began, and has not ended since, is there then. Returns how many. Errors: temporary.
[[nodiscard]] Result<std::size_t> copyQueue(const config::Config& config, const std::string& to);

}  // namespace ostler::tools
