// octets.h - numbers and strings as octets of records and index values: little-endian, varint (LEB128), length-prefixed.
// Is not: frames between processes; see ipc/wire.h. What is read may be damaged: every take checks what is left.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "libmailcore/base/ids.h"
#include "libmailcore/store/uid_set.h"

namespace ostler::store {

/// Appends the low octets of `value`, lowest first.
template <class T>
void putFixed(std::string& out, T value) {
  static_assert(std::is_integral_v<T>);
  char octets[sizeof(T)];
  std::memcpy(octets, &value, sizeof value);  // x86-64 and arm64 are little-endian
  out.append(octets, sizeof octets);
}
inline void putVarint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}
inline void putString(std::string& out, std::string_view value) {
  putVarint(out, value.size());
  out += value;
}
inline void putId(std::string& out, const Id128& id) { out += id.octets(); }
/// Signed numbers near zero stay short.
inline std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
inline std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

/// Takes values off the front. After a take beyond the end everything is zero or empty and ok() is false.
class OctetReader {
 public:
  explicit OctetReader(std::string_view octets) : rest_(octets) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool done() const { return ok_ && rest_.empty(); }
  [[nodiscard]] std::string_view rest() const { return rest_; }

  template <class T>
  T fixed() {
    static_assert(std::is_integral_v<T>);
    T value = 0;
    const std::string_view octets = bytes(sizeof value);
    if (ok_) std::memcpy(&value, octets.data(), sizeof value);
    return value;
  }
  std::uint64_t varint() {
    if (!rest_.empty() && static_cast<unsigned char>(rest_.front()) < 0x80) {  // most are: lengths, counts
      const auto value = static_cast<std::uint64_t>(rest_.front());
      rest_.remove_prefix(1);
      return value;
    }
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto octet = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      if (shift == 63 && octet > 1) break;
      value |= static_cast<std::uint64_t>(octet & 0x7F) << shift;
      if (octet < 0x80) return value;
    }
    return spoil(), 0;
  }
  /// A varint that must fit.
  std::uint32_t varint32() {
    const std::uint64_t value = varint();
    if (value <= UINT32_MAX) return static_cast<std::uint32_t>(value);
    return spoil(), 0;
  }
  std::string_view bytes(std::uint64_t count) {
    if (!ok_ || count > rest_.size()) return spoil(), std::string_view{};
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  std::string_view string() { return bytes(varint()); }
  Id128 id() { return Id128::fromOctets(bytes(16)).value_or(Id128{}); }
  void spoil() {
    ok_ = false;
    rest_ = {};
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

/// Runs as distances: count, then (gap to the one before, length - 1) of each.
inline void putUids(std::string& out, const UidSet& set) {
  putVarint(out, set.ranges().size());
  std::uint32_t before = 0;
  for (const UidRange& run : set.ranges()) {
    putVarint(out, run.first.value - before);
    putVarint(out, run.last.value - run.first.value);
    before = run.last.value;
  }
}
/// Spoils the reader when the runs are not sorted, disjoint and apart.
inline UidSet takeUids(OctetReader& in) {
  UidSet set;
  std::uint64_t before = 0;
  for (std::uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    const std::uint64_t gap = in.varint32();
    const std::uint64_t first = before + gap;
    const std::uint64_t last = first + in.varint32();
    if (first < (set.empty() ? 1 : before + 2) || last > UINT32_MAX) return in.spoil(), UidSet{};
    set.add(UidRange{Uid{static_cast<std::uint32_t>(first)}, Uid{static_cast<std::uint32_t>(last)}});
    before = last;
  }
  return set;
}

}  // namespace ostler::store
