// ids.h - 128-bit ids that sort by the time they were made: queue ids, account ids, mailbox ids, email ids, session ids.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "libmailcore/base/clock.h"

namespace ostler {

/// 48 bits of milliseconds since 1970, then 80 random bits. The text form is 26 lower-case letters and digits
/// (base32, Crockford's alphabet) and sorts as the value does.
class Id128 {
 public:
  constexpr Id128() = default;
  explicit Id128(const std::array<unsigned char, 16>& octets) : octets_(octets) {}

  /// A new one. Any thread. Two made by one process never compare equal, and a later one is greater.
  [[nodiscard]] static Id128 make(WallTime now);
  [[nodiscard]] static std::optional<Id128> parse(std::string_view text);
  /// From the 16 octets that octets() gives; nothing if there are not exactly 16.
  [[nodiscard]] static std::optional<Id128> fromOctets(std::string_view octets);

  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::string_view octets() const { return {reinterpret_cast<const char*>(octets_.data()), octets_.size()}; }
  /// What no clock can say, as an id from elsewhere may, is the end of time.
  [[nodiscard]] WallTime time() const;
  [[nodiscard]] bool isNull() const { return *this == Id128{}; }
  auto operator<=>(const Id128&) const = default;

 private:
  std::array<unsigned char, 16> octets_{};
};

}  // namespace ostler

template <>
struct std::hash<ostler::Id128> {
  std::size_t operator()(const ostler::Id128& id) const noexcept {
    std::size_t value = 0;  // the random end of the id, so already spread
    std::memcpy(&value, id.octets().data() + 8, sizeof value);
    return value;
  }
};
