// line_reasons.h - why what stands in line for a next hop does not go, for lists of the queue: once for each line, not for each message.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

namespace ostler::spool {

struct LineReasons {
  std::string all;  ///< why nothing goes, be it in line or not; empty: it does
  std::unordered_map<std::uint32_t, std::string> byLine;  ///< by the number of the destination; of those that go there is none

  /// Empty: none. `line`: 0, in none.
  [[nodiscard]] const std::string& of(std::uint32_t line) const {
    static const std::string kNone;
    const auto found = line == 0 ? byLine.end() : byLine.find(line);
    return !all.empty() ? all : found == byLine.end() ? kNone : found->second;
  }
};

}  // namespace ostler::spool
