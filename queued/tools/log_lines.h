// log_lines.h - what was logged, read back: from the log's files, or from the journal.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/config/config.h"

namespace ostler::tools {

using OnLine = std::function<void(const std::string&)>;

/// Where lines were written. A log's files are what its pattern of strftime(3) names now, and what it named before: rotated, or of other days.
struct LogPlaces {
  std::vector<std::vector<std::filesystem::path>> logs;  ///< each from the oldest file to the newest
  bool journal = false;
  /// Lines of several places are in no order.
  [[nodiscard]] bool isOne() const { return logs.size() + (journal ? 1 : 0) < 2; }
};

/// Of the log and of all its rules.
[[nodiscard]] LogPlaces logPlaces(const config::LogSettings& settings);
/// Of one file's name or pattern.
[[nodiscard]] LogPlaces logPlaces(const std::string& pattern);
/// All lines, place by place.
void readLog(const LogPlaces& places, const OnLine& each);
/// What lines of several places can be sorted by: the time they begin with.
[[nodiscard]] std::string_view timeOf(std::string_view line);
/// The latest lines that tell an error, oldest first: of the newest files' ends, and of the journal.
[[nodiscard]] std::vector<std::string> lastErrors(const config::LogSettings& settings, std::size_t most);

}  // namespace ostler::tools
