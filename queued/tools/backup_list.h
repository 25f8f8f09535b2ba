// backup_list.h - what a backup holds, file by file with its size and checksum, so that a copy that lost something is known as one.
// A line each: "file OCTETS CRC32C PATH", the sum in hex, the path below the backup's folder.
#pragma once

#include <filesystem>
#include <iosfwd>
#include <string>
#include <vector>

#include "libmailcore/base/result.h"

namespace ostler::tools {

/// Of all files below the folder. Reads each of them. Errors: temporary.
[[nodiscard]] Result<std::string> listFiles(const std::filesystem::path& folder);

/// What differs from the list in the text, a sentence each: missing, cut, changed. Lines that are none of the list's are passed over.
[[nodiscard]] std::vector<std::string> differencesFrom(std::istream& text, const std::filesystem::path& folder);

}  // namespace ostler::tools
