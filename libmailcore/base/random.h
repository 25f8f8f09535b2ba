// random.h - secure random octets from the kernel.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace ostler {

/// Fills from getrandom(2). Aborts if the kernel refuses: no program of ours can go on without. Any thread.
void fillRandom(std::span<unsigned char> out);
[[nodiscard]] std::string randomOctets(std::size_t count);
/// Uniform in [0, bound). REQUIRES: bound > 0.
[[nodiscard]] std::uint64_t randomBelow(std::uint64_t bound);

}  // namespace ostler
