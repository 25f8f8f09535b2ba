// lockout.h - failed logins, counted per account and per client in one table for all protocols, and what follows from
// them. Pure: time comes in. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/clock.h"
#include "libmailcore/net/address.h"

namespace ostler::queued::auth {

struct LockoutRules {
  unsigned failures = 10;  ///< that many lock; 0: nothing ever locks
  std::chrono::seconds lockout{15 *
                               60};  ///< for how long, from the last of them; also how long a failure is remembered
};

class LockoutTable {
 public:
  /// `mostKeys`: beyond that many names the one that failed longest ago is forgotten, so that a stranger who invents
  /// names cannot fill our memory.
  explicit LockoutTable(std::size_t mostKeys = 200'000) : mostKeys_(mostKeys) {}

  [[nodiscard]] bool isLocked(std::string_view key, const LockoutRules& rules, WallTime now) const { return lockedUntil(key, rules, now).has_value(); }
  /// Nothing: it is not.
  [[nodiscard]] std::optional<WallTime> lockedUntil(std::string_view key, const LockoutRules& rules, WallTime now) const;
  /// Counts one more; returns how many there are now.
  unsigned fail(std::string_view key, const LockoutRules& rules, WallTime now);
  /// Forgets the failures of a key.
  void clear(std::string_view key);
  struct Locked {
    std::string key;
    unsigned failures = 0;
    WallTime until;
  };
  /// Who is locked out now, the one that failed longest ago first.
  [[nodiscard]] std::vector<Locked> locked(const LockoutRules& rules, WallTime now) const;
  [[nodiscard]] std::size_t size() const { return byKey_.size(); }

 private:
  struct Row {
    std::string key;
    unsigned failures = 0;
    WallTime last;
  };
  using Rows = std::list<Row>;  // the one that failed last is at the end
  [[nodiscard]] static bool isFresh(const Row& row, const LockoutRules& rules, WallTime now) {
    return now - row.last < rules.lockout;
  }

  std::size_t mostKeys_;
  Rows rows_;
  std::unordered_map<std::string, Rows::iterator, TransparentHash, std::equal_to<>> byKey_;
};

[[nodiscard]] std::string accountKey(std::string_view name);
/// An IPv6 client is its /64: one customer has at least that many addresses (RFC 6177).
[[nodiscard]] std::string clientKey(const net::IpAddress& client);
/// "account alice@example.test", "client 192.0.2.1", "client 2001:db8::/64": a key for people.
[[nodiscard]] std::string textOfKey(std::string_view key);

/// How late a failed login is answered: 200 ms, doubled with each failure, 2 s at most.
[[nodiscard]] std::chrono::milliseconds delayAfter(unsigned failures);

}  // namespace ostler::queued::auth
