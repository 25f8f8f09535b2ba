// crc32c.h - CRC-32C (Castagnoli; RFC 3720 appendix B.4): tells damage, by chance and not by intent.
#pragma once

#include <cstdint>
#include <string_view>

namespace ostler {

/// Of `octets` behind those whose sum is `seed`. Any thread.
[[nodiscard]] std::uint32_t crc32c(std::string_view octets, std::uint32_t seed = 0);

}  // namespace ostler
