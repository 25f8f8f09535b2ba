// octet_scan.h - questions about many octets at once: line ends, NULs, 8-bit. At memory speed, on any machine's
// vectors. Inside this room only.
#pragma once

#include <cstdint>
#include <string_view>

namespace ostler::message {

[[nodiscard]] std::uint64_t countLineFeeds(std::string_view octets);
/// The first line behind the first one that starts with "--": where a boundary may be.
struct DashLine {
  std::size_t at = 0;           ///< of its first octet; the size of the octets when there is none
  std::uint64_t lineFeeds = 0;  ///< before it
};
[[nodiscard]] DashLine findDashLine(std::string_view octets);
[[nodiscard]] bool has8Bit(std::string_view octets);

}  // namespace ostler::message
