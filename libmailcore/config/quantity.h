// quantity.h - sizes, durations and rates as people write them: "25 MiB", "2048 KiB", "15m", "1h 30m", "2d", "5/s", "100/10m".
// Is not: dates (message/date_time.h). Pure functions; nothing here knows YAML.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/base/result.h"
#include "libmailcore/base/units.h"

namespace ostler::config {

/// A number with a unit: B, kB KB MB GB TB (thousands) or KiB MiB GiB TiB (1,024s); case does not matter, a bare number
/// is octets, a space may stand between. Whole numbers alone. Errors: syntax, limit (more than 64 bits hold).
[[nodiscard]] Result<ByteCount> parseByteCount(std::string_view text);
/// One or more numbers with a unit: s m h d w, e.g. "1h 30m"; a bare number is seconds. Each unit once, the largest
/// first. Errors: syntax, limit (more than 100 years).
[[nodiscard]] Result<std::chrono::seconds> parseDuration(std::string_view text);

/// So many, "/", in a duration: "5/s", "60/m", "100/10m", "1000/1d"; a unit alone is one of it. "0": no limit. Errors: syntax, limit
/// (more than a million in a second, a duration of 0).
[[nodiscard]] Result<Rate> parseRate(std::string_view text);

/// A part of the day, in minutes since midnight; `to` before `from` goes over midnight.
struct HourWindow {
  unsigned from = 0;
  unsigned to = 0;
  bool operator==(const HourWindow&) const = default;
};
/// "22:00-06:00", several with blanks between. Errors: syntax (none, not hours, an empty window).
[[nodiscard]] Result<std::vector<HourWindow>> parseHours(std::string_view text);

/// The shortest text that parses to the same value: "35 MiB", "2d", "1h 30m".
[[nodiscard]] std::string toText(ByteCount size);
[[nodiscard]] std::string toText(std::chrono::seconds duration);
/// "5/s", "100/10m"; no limit: "".
[[nodiscard]] std::string toText(Rate rate);

}  // namespace ostler::config
