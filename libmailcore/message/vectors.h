// vectors.h - sixteen octets at once: vector types of clang and GCC, compiled to whatever the machine has. Inside this room only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace ostler::message {

inline constexpr std::size_t kWidth = 16;
using Octets = std::uint8_t __attribute__((vector_size(kWidth)));

inline Octets load(const char* from) {
  Octets out;
  std::memcpy(&out, from, kWidth);
  return out;
}
inline bool any(Octets octets) {
  std::uint64_t words[kWidth / 8];
  std::memcpy(words, &octets, kWidth);
  return (words[0] | words[1]) != 0;
}

}  // namespace ostler::message
