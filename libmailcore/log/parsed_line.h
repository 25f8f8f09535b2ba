// parsed_line.h - a line of the log read back, whichever format it was written in. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "libmailcore/base/result.h"

namespace ostler::log {

struct ParsedLine {
  std::string time;     ///< as it was written
  std::string program;  ///< "queued/spool"; with the module, where there is one
  std::string event;
  std::map<std::string, std::string, std::less<>> fields;
  /// Empty: no such field.
  [[nodiscard]] std::string_view at(std::string_view key) const;
};

/// A line of formatText() or formatJson(), with or without its LF. Errors: syntax.
[[nodiscard]] Result<ParsedLine> parseLine(std::string_view line);

}  // namespace ostler::log
