// clock.h - time as something that is handed in, so that tests and `ostler queue simulate` can move it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace ostler {

using WallTime = std::chrono::system_clock::time_point;    ///< UTC; what is written to disk and to peers
using SteadyTime = std::chrono::steady_clock::time_point;  ///< what deadlines are measured in

/// Where the time comes from. Any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual WallTime now() const = 0;
  /// For what must not notice that somebody set the clock.
  [[nodiscard]] virtual SteadyTime steady() const { return std::chrono::steady_clock::now(); }
};

/// The machine's clock.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] WallTime now() const override { return std::chrono::system_clock::now(); }
};

/// A clock that stands until it is set. One thread.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(WallTime start) : now_(start) {}
  [[nodiscard]] WallTime now() const override { return now_; }
  void set(WallTime now) { now_ = now; }
  void advance(std::chrono::system_clock::duration by) { now_ += by; }

 private:
  WallTime now_;
};

/// Until when a wait may last. Every wait has one.
struct Deadline {
  SteadyTime at = SteadyTime::max();
  [[nodiscard]] static Deadline never() { return {}; }
  [[nodiscard]] static Deadline after(std::chrono::nanoseconds wait) { return {std::chrono::steady_clock::now() + wait}; }
  [[nodiscard]] bool passed() const { return std::chrono::steady_clock::now() >= at; }
  [[nodiscard]] Deadline orSooner(Deadline other) const { return at < other.at ? *this : other; }
};

/// Milliseconds since 1970-01-01 UTC: the form of a WallTime on disk and in frames.
[[nodiscard]] inline std::int64_t toUnixMillis(WallTime time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}
inline constexpr std::int64_t kMostUnixMillis = std::chrono::duration_cast<std::chrono::milliseconds>(WallTime::max().time_since_epoch()).count();
/// What lies beyond the clock's own unit, which ends in 2262, is its end: ids and files can say anything.
[[nodiscard]] inline WallTime fromUnixMillis(std::int64_t millis) {
  return WallTime(std::chrono::milliseconds(std::clamp(millis, -kMostUnixMillis, kMostUnixMillis)));
}

}  // namespace ostler
