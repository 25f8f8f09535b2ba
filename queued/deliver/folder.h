// folder.h - deliveries that are files: the drop folder, badmail, an alias's mailbox file. Blocking: call from a pool.
// Written aside, synced, named, the folder synced: a reader of the folder never sees half a message, and writing the same message
// again after a crash replaces it by itself.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/base/result.h"

namespace ostler::deliver {

/// Puts `octets` into folder/name. Errors: limit (disk full), temporary, permanent (no such folder).
[[nodiscard]] Result<void> writeInto(const std::string& folder, const std::string& name, const std::vector<std::string_view>& octets);

/// Makes a folder that is not there yet; from then on its name is durable. Errors: permanent, limit, temporary.
[[nodiscard]] Result<void> makeFolder(const std::string& path);

/// Appends to an mbox file under a lock, "From " lines quoted, LF line ends. Errors: temporary, limit.
[[nodiscard]] Result<void> appendToMbox(const std::string& path, std::string_view reversePath, std::string_view content,
                                        std::int64_t unixSeconds);

}  // namespace ostler::deliver
