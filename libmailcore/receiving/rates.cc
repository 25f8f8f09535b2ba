#include "libmailcore/receiving/rates.h"

namespace ostler::receiving {
namespace {

constexpr std::chrono::minutes kMinute{1};

std::string keyOf(std::string_view what, const net::IpAddress& client, std::size_t v4, std::size_t v6) {
  return std::string(what) + '\0' + std::string(client.octets().substr(0, client.isV4() ? v4 : v6));
}

}  // namespace

bool Rates::take(const std::string& key, std::uint64_t most, SteadyTime now) {
  if (most == 0) return true;
  const std::lock_guard lock(mutex_);
  if (rows_.size() >= mostKeys_ && !rows_.contains(key)) rows_.clear();
  Row& row = rows_[key];
  if (now - row.since >= 2 * kMinute) row = {now, 0, 0};
  if (now - row.since >= kMinute) row = {row.since + kMinute, row.current, 0};
  const auto left = static_cast<std::uint64_t>((kMinute - (now - row.since)) / std::chrono::seconds(1));
  if (row.current + row.before * left / 60 >= most) return false;
  ++row.current;
  return true;
}

std::string clientKey(std::string_view what, const net::IpAddress& client) {
  return keyOf(what, client, 4, 8);
}
std::string networkKey(std::string_view what, const net::IpAddress& client) {
  return keyOf(what, client, 3, 6);
}

}  // namespace ostler::receiving
