#include "libmailcore/daemon/connection_counts.h"

#include <mutex>
#include <unordered_map>

namespace ostler::daemon {

struct ConnectionCounts::Table {
  std::mutex mutex;
  std::unordered_map<std::string, std::uint64_t> counts;  // by group, and by group and client

  void lower(const std::string& key) {
    const auto found = counts.find(key);
    if (found != counts.end() && --found->second == 0) counts.erase(found);
  }
};

struct ConnectionCounts::Place::Held {
  std::shared_ptr<Table> table;
  std::string group;
  std::string client;
  std::string network;
  ~Held() {
    const std::lock_guard lock(table->mutex);
    table->lower(group);
    table->lower(client);
    table->lower(network);
  }
};

ConnectionCounts::Place::Place(std::unique_ptr<Held> held) : held_(std::move(held)) {}
ConnectionCounts::Place::~Place() = default;
ConnectionCounts::ConnectionCounts() : table_(std::make_shared<Table>()) {}
ConnectionCounts::~ConnectionCounts() = default;

std::optional<ConnectionCounts::Place> ConnectionCounts::take(const std::string& group, const net::IpAddress& client,
                                                              ConnectionLimits limits) {
  const std::string clientKey = group + '\0' + std::string(client.octets().substr(0, client.isV4() ? 4 : 8));
  const std::string networkKey = group + '/' + std::string(client.octets().substr(0, client.isV4() ? 3 : 6));
  const std::lock_guard lock(table_->mutex);
  std::uint64_t& near = table_->counts[networkKey];
  std::uint64_t& all = table_->counts[group];
  std::uint64_t& own = table_->counts[clientKey];
  const bool full = (limits.connections != 0 && all >= limits.connections) ||
                    (limits.perClient != 0 && own >= limits.perClient) || (limits.perNetwork != 0 && near >= limits.perNetwork);
  if (full) {
    if (near == 0) table_->counts.erase(networkKey);
    if (own == 0) table_->counts.erase(clientKey);
    if (all == 0) table_->counts.erase(group);
    return std::nullopt;
  }
  ++all;
  ++own;
  ++near;
  return Place(std::unique_ptr<Place::Held>(new Place::Held{table_, group, clientKey, networkKey}));
}

std::uint64_t ConnectionCounts::inGroup(const std::string& group) const {
  const std::lock_guard lock(table_->mutex);
  const auto found = table_->counts.find(group);
  return found == table_->counts.end() ? 0 : found->second;
}

}  // namespace ostler::daemon
