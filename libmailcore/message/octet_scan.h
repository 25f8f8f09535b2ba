// octet_scan.h - questions about many octets at once: line ends, NULs, 8-bit. At memory speed, on any machine's
// vectors. Inside this room only.
#pragma once

#include <cstdint>
#include <string_view>

namespace ostler::message {

[[nodiscard]] std::uint64_t countLineFeeds(std::string_view octets);
[[nodiscard]] bool has8Bit(std::string_view octets);

}  // namespace ostler::message
