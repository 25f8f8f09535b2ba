// rates.h - how often something happened in the last minute, by key: one table for all sessions and threads.
// Is not: how many there are at once (daemon/connection_counts.h).
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

#include "libmailcore/base/clock.h"
#include "libmailcore/net/address.h"

namespace ostler::receiving {

/// Any thread.
class Rates {
 public:
  /// `mostKeys`: beyond that many the table begins anew, so that a stranger with many addresses cannot fill our memory.
  explicit Rates(std::size_t mostKeys = 100'000) : mostKeys_(mostKeys) {}

  /// Counts one more, if that leaves it within `most` a minute. 0: unlimited, and nothing is counted.
  /// The minute slides: of the minute before counts the part that is not yet a minute old.
  [[nodiscard]] bool take(const std::string& key, std::uint64_t most, SteadyTime now);

 private:
  struct Row {
    SteadyTime since{};  ///< when `current` began
    std::uint64_t before = 0;
    std::uint64_t current = 0;
  };
  std::size_t mostKeys_;
  std::mutex mutex_;
  std::unordered_map<std::string, Row> rows_;
};

/// What counts as one client: an IPv4 address, or the /64 that is one customer's (RFC 6177).
[[nodiscard]] std::string clientKey(std::string_view what, const net::IpAddress& client);
/// The /24 or /48 around it.
[[nodiscard]] std::string networkKey(std::string_view what, const net::IpAddress& client);

}  // namespace ostler::receiving
