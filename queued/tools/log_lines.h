// log_lines.h - what was logged, read back: from the log's files, or from the journal.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "libmailcore/config/config.h"

namespace ostler::tools {

using OnLine = std::function<void(const std::string&)>;

/// The log's files, oldest first: what that pattern of strftime(3) names now, and what it named before (rotated, or of other days).
[[nodiscard]] std::vector<std::filesystem::path> logFiles(const std::string& pattern);
/// All lines of those files; without files, of the journal.
void readLog(const std::vector<std::filesystem::path>& files, const OnLine& each);
/// The latest lines that tell an error, oldest first: of the newest file's end, or of the journal.
[[nodiscard]] std::vector<std::string> lastErrors(const config::LogSettings& settings, std::size_t most);

}  // namespace ostler::tools
