// connection_counts.h - how many connections there are, in all and by client, over all threads of a process.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "libmailcore/net/address.h"

namespace ostler::daemon {

/// 0 means unlimited.
struct ConnectionLimits {
  std::uint64_t connections = 0;
  std::uint64_t perClient = 0;
  std::uint64_t perNetwork = 0;  ///< of one /24, or /48
};

/// Any thread.
class ConnectionCounts {
 public:
  ConnectionCounts();
  ~ConnectionCounts();
  ConnectionCounts(const ConnectionCounts&) = delete;
  ConnectionCounts& operator=(const ConnectionCounts&) = delete;

  /// A place that is taken while this lives. May outlive the counts.
  class Place {
   public:
    Place(Place&&) noexcept = default;
    Place& operator=(Place&&) noexcept = default;
    ~Place();

   private:
    friend class ConnectionCounts;
    struct Held;
    explicit Place(std::unique_ptr<Held> held);
    std::unique_ptr<Held> held_;
  };
  /// Nothing when the group or the client has as many as allowed. An IPv6 client is its /64, which is what one site has.
  [[nodiscard]] std::optional<Place> take(const std::string& group, const net::IpAddress& client, ConnectionLimits limits);
  [[nodiscard]] std::uint64_t inGroup(const std::string& group) const;

 private:
  struct Table;
  std::shared_ptr<Table> table_;
};

}  // namespace ostler::daemon
