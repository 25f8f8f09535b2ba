#include "queued/auth/lockout.h"

#include <algorithm>
#include <array>

namespace ostler::queued::auth {

std::optional<WallTime> LockoutTable::lockedUntil(std::string_view key, const LockoutRules& rules, WallTime now) const {
  if (rules.failures == 0) return std::nullopt;
  const auto found = byKey_.find(key);
  const bool isIt = found != byKey_.end() && isFresh(*found->second, rules, now) && found->second->failures >= rules.failures;
  return isIt ? std::optional(found->second->last + rules.lockout) : std::nullopt;
}

unsigned LockoutTable::fail(std::string_view key, const LockoutRules& rules, WallTime now) {
  while (!rows_.empty() && (!isFresh(rows_.front(), rules, now) || rows_.size() > mostKeys_)) {
    byKey_.erase(rows_.front().key);
    rows_.pop_front();
  }
  const auto found = byKey_.find(key);
  if (found == byKey_.end()) {
    rows_.push_back({std::string(key), 1, now});
    byKey_.emplace(std::string(key), std::prev(rows_.end()));
    return 1;
  }
  Row& row = *found->second;
  row.failures = isFresh(row, rules, now) ? row.failures + 1 : 1;
  row.last = now;
  rows_.splice(rows_.end(), rows_, found->second);
  return row.failures;
}

void LockoutTable::clear(std::string_view key) {
  const auto found = byKey_.find(key);
  if (found == byKey_.end()) return;
  rows_.erase(found->second);
  byKey_.erase(found);
}

std::vector<LockoutTable::Locked> LockoutTable::locked(const LockoutRules& rules, WallTime now) const {
  std::vector<Locked> all;
  for (const Row& row : rows_) {
    if (isLocked(row.key, rules, now)) all.push_back({row.key, row.failures, row.last + rules.lockout});
  }
  return all;
}

std::string accountKey(std::string_view name) {
  return "account " + asciiLower(name.substr(0, 320));
}

std::string clientKey(const net::IpAddress& client) {
  return "client " + std::string(client.octets().substr(0, client.isV4() ? 4 : 8));
}

std::string textOfKey(std::string_view key) {
  constexpr std::string_view kClient = "client ";
  if (key.substr(0, kClient.size()) != kClient) return std::string(key);
  const std::string_view octets = key.substr(kClient.size());
  if (octets.size() == 4) {
    std::array<unsigned char, 4> v4{};
    std::copy(octets.begin(), octets.end(), v4.begin());
    return std::string(kClient) + net::IpAddress::v4(v4).text();
  }
  std::array<unsigned char, 16> v6{};
  std::copy(octets.begin(), octets.end(), v6.begin());
  return std::string(kClient) + net::IpAddress::v6(v6).text() + "/64";
}

std::chrono::milliseconds delayAfter(unsigned failures) {
  constexpr std::chrono::milliseconds kFirst{200};
  constexpr std::chrono::milliseconds kMost{2000};
  const unsigned doublings = std::min(failures > 0 ? failures - 1 : 0U, 10U);
  return std::min(kFirst * (1 << doublings), kMost);
}

}  // namespace ostler::queued::auth
