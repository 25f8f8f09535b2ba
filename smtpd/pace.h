// pace.h - how long a client may take over content. Silence is bounded by the idle time; this bounds who sends an octet now and then,
// to hold a session for ever: of all the time it lets us wait, only the idle time and what 500 octets a second take are granted.
// RFC 5321 4.5.3.2.5 gives three minutes to each piece; it says nothing of pieces of one octet.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace ostler::smtpd {

class Pace {
 public:
  using Duration = std::chrono::steady_clock::duration;
  static constexpr std::uint64_t kOctetsPerSecond = 500;

  explicit Pace(Duration idle) : idle_(idle), left_(idle) {}
  /// How long the next piece may take.
  [[nodiscard]] Duration patience() const { return std::clamp(left_, Duration::zero(), idle_); }
  /// So many octets came after so long a wait. What is saved up by sending fast is an hour at most.
  void came(std::uint64_t octets, Duration waited) {
    constexpr Duration kMost = std::chrono::hours(1);
    const Duration earned = std::min<Duration>(std::chrono::milliseconds(std::min<std::uint64_t>(octets, 1U << 30) * 1000 / kOctetsPerSecond), kMost);
    left_ = std::min<Duration>(left_ - waited + earned, idle_ + kMost);
  }

 private:
  Duration idle_;
  Duration left_;
};

}  // namespace ostler::smtpd
