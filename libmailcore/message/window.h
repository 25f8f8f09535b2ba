// window.h - Window: the octets of a message, all of them in memory or a stretch at a time, so that who goes through a large one holds
// little of it.
// Is not: where they are kept; the store's ContentSource is read through `Read`.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "libmailcore/base/result.h"

namespace ostler::message {

/// Octets of the content.
struct Range {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  [[nodiscard]] std::uint64_t end() const { return offset + length; }
  bool operator==(const Range&) const = default;
};
/// The octets of a range; REQUIRES: the range lies within the content.
[[nodiscard]] inline std::string_view octetsOf(std::string_view content, Range range) {
  return content.substr(static_cast<std::size_t>(range.offset), static_cast<std::size_t>(range.length));
}

/// Views it gives are valid until it is asked again. One thread.
class Window {
 public:
  /// Reads octets [offset, offset + into.size()).
  using Read = std::function<Result<void>(std::uint64_t offset, std::span<char> into)>;
  /// So many octets from() gives at least, where the content has them.
  static constexpr std::size_t kAhead = 16384;

  /// All of the content, which outlives the window.
  explicit Window(std::string_view content) : held_(content), size_(content.size()) {}
  /// A stretch at a time, read when it is asked for: blocks as `read` does.
  Window(std::uint64_t size, Read read) : size_(size), read_(std::move(read)) {}
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;

  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// The octets from `at` on: those at hand, which are kAhead or all that are left.
  [[nodiscard]] std::string_view from(std::uint64_t at) {
    if (at >= size_) return {};
    if (!holds({at, std::min<std::uint64_t>(kAhead, size_ - at)})) fill({at, kStretch});
    return held_.substr(std::min<std::size_t>(at - start_, held_.size()));
  }
  /// A range as a whole. REQUIRES: it lies within the content.
  [[nodiscard]] std::string_view octets(Range range) {
    if (!holds(range)) fill(range);
    return held_.substr(std::min<std::size_t>(range.offset - start_, held_.size()), range.length);
  }
  /// The first octets of a range, which then begins behind them. Empty: there are no more, or they cannot be read.
  [[nodiscard]] std::string_view take(Range& range);
  /// From the start to the end of the header section at least.
  [[nodiscard]] std::string_view head();

  /// Why octets could not be read: from there on the content looks as if it had ended, and what was found in it counts for nothing.
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  static constexpr std::size_t kStretch = std::size_t{128} << 10;
  static constexpr std::uint64_t kBehind = 16;  ///< octets before those asked for: the end of the line before

  [[nodiscard]] bool holds(Range range) const { return range.offset >= start_ && range.end() <= start_ + held_.size(); }
  void fill(Range range);

  std::string_view held_;
  std::uint64_t start_ = 0;  ///< of what is held
  std::uint64_t size_ = 0;
  Read read_;
  std::string buffer_;
  std::optional<Error> error_;
};

}  // namespace ostler::message
