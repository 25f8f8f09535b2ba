// units.h - octet counts and rates as types of their own, so that a size is not mistaken for a number of messages.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

namespace ostler {

/// A number of octets. Limits: 0 means unlimited.
struct ByteCount {
  std::uint64_t octets = 0;
  auto operator<=>(const ByteCount&) const = default;
  /// As a limit: does a thing of that size pass? 0 lets everything pass.
  [[nodiscard]] constexpr bool allows(std::uint64_t size) const { return octets == 0 || size <= octets; }
};

constexpr ByteCount operator""_KiB(unsigned long long n) { return {n << 10}; }
constexpr ByteCount operator""_MiB(unsigned long long n) { return {n << 20}; }
constexpr ByteCount operator""_GiB(unsigned long long n) { return {n << 30}; }

/// So many in such a time. None: no limit.
struct Rate {
  std::uint64_t count = 0;
  std::chrono::seconds in{1};
  bool operator==(const Rate&) const = default;
  /// From one to the next. REQUIRES: a limit.
  [[nodiscard]] constexpr std::chrono::nanoseconds distance() const { return std::chrono::nanoseconds(in) / static_cast<std::int64_t>(count); }
};

}  // namespace ostler
