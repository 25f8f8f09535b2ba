// wire.h - how typed fields become octets of a frame, and back. Little-endian fixed-width numbers, length-prefixed strings.
// A message is a struct with `template <class V> void fields(V& v) { v(a); v(b); }`; Writer and Reader are such visitors.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "libmailcore/base/clock.h"
#include "libmailcore/base/ids.h"
#include "libmailcore/base/result.h"

namespace ostler::ipc {

/// Appends fields to a frame's body.
class Writer {
 public:
  template <class... T>
  void operator()(const T&... values) {
    (put(values), ...);
  }
  /// Fields that were added to a record that is kept on disk. See Reader::later().
  template <class... T>
  void later(const T&... values) {
    (put(values), ...);
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void putNumber(std::uint64_t value, std::size_t octets) {
    char little[8];
    for (std::size_t at = 0; at < octets; ++at) little[at] = static_cast<char>(value >> (8 * at));
    out_.append(little, octets);
  }
  void put(bool value) { putNumber(value ? 1 : 0, 1); }
  void put(std::string_view value) {
    out_.reserve(out_.size() + 4 + value.size());
    putNumber(value.size(), 4);
    out_ += value;
  }
  void put(const std::string& value) { put(std::string_view(value)); }
  void put(const Id128& value) { out_ += value.octets(); }
  void put(const WallTime& value) { putNumber(static_cast<std::uint64_t>(toUnixMillis(value)), 8); }
  template <class T>
    requires(std::is_integral_v<T> || std::is_enum_v<T>)
  void put(const T& value) {
    putNumber(static_cast<std::uint64_t>(value), sizeof(T));
  }
  template <class T>
  void put(const std::optional<T>& value) {
    put(value.has_value());
    if (value) put(*value);
  }
  template <class T>
  void put(const std::vector<T>& values) {
    putNumber(values.size(), 4);
    for (const T& value : values) put(value);
  }
  template <class T>
    requires requires(T t, Writer w) { t.fields(w); }
  void put(const T& value) {
    const_cast<T&>(value).fields(*this);  // fields() is one list for reading and writing; writing changes nothing
  }
  std::string out_;
};

/// Takes fields off a frame's body. Nothing is allocated before its length is known to be there; after the first fault every
/// further field is left as it was, and ok() is false.
class Reader {
 public:
  explicit Reader(std::string_view in) : in_(in) {}
  template <class... T>
  void operator()(T&... values) {
    (get(values), ...);
  }
  /// Fields that older octets do not have yet: left as they are then. REQUIRES: last of the outermost struct.
  template <class... T>
  void later(T&... values) {
    if (!in_.empty()) (get(values), ...);
  }
  /// Everything was there, and nothing is left over.
  [[nodiscard]] bool complete() const { return ok_ && in_.empty(); }

 private:
  std::string_view takeOctets(std::size_t count) {
    if (!ok_ || count > in_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view taken = in_.substr(0, count);
    in_.remove_prefix(count);
    return taken;
  }
  template <std::size_t kOctets>
  std::uint64_t getNumber() {
    const std::string_view taken = takeOctets(kOctets);
    if (taken.size() != kOctets) return 0;
    std::uint64_t value = 0;
    for (std::size_t at = 0; at < kOctets; ++at) value |= std::uint64_t{static_cast<unsigned char>(taken[at])} << (8 * at);
    return value;
  }
  void get(bool& value) { value = getNumber<1>() != 0; }
  void get(std::string& value) { value = takeOctets(getNumber<4>()); }
  void get(std::string_view& value) { value = takeOctets(getNumber<4>()); }  // valid as long as what is read from
  void get(Id128& value) {
    if (const auto id = Id128::fromOctets(takeOctets(16))) value = *id;
  }
  void get(WallTime& value) {
    // Milliseconds that do not fit the clock's own unit are no time.
    const auto millis = static_cast<std::int64_t>(getNumber<8>());
    if (millis > kMostUnixMillis || millis < -kMostUnixMillis) ok_ = false;
    if (ok_) value = fromUnixMillis(millis);
  }
  template <class T>
    requires(std::is_integral_v<T> || std::is_enum_v<T>)
  void get(T& value) {
    value = static_cast<T>(getNumber<sizeof(T)>());
  }
  template <class T>
  void get(std::optional<T>& value) {
    bool present = false;
    get(present);
    if (present && ok_) get(value.emplace());
  }
  template <class T>
  void get(std::vector<T>& values) {
    const std::uint64_t count = getNumber<4>();
    if (count > in_.size()) ok_ = false;  // each element takes an octet at least
    values.clear();
    for (std::uint64_t at = 0; ok_ && at < count; ++at) get(values.emplace_back());
  }
  template <class T>
    requires requires(T t, Reader r) { t.fields(r); }
  void get(T& value) {
    value.fields(*this);
  }
  std::string_view in_;
  bool ok_ = true;
};

/// The body of a frame for a message.
template <class M>
[[nodiscard]] std::string encode(const M& message) {
  Writer writer;
  writer(message);
  return writer.take();
}

/// Into one that is used again and again, for many. False: short, left over octets. REQUIRES: M has no later() fields.
template <class M>
[[nodiscard]] bool decodeInto(M& message, std::string_view body) {
  Reader reader(body);
  reader(message);
  return reader.complete();
}

/// Errors: syntax (short, left over octets).
template <class M>
[[nodiscard]] Result<M> decode(std::string_view body) {
  M message;
  if (!decodeInto(message, body)) return fail(Error::Kind::syntax, "ipc: the frame does not hold the message of its type");
  return message;
}

}  // namespace ostler::ipc
