// racing.h - a connection to whichever address of a host answers first, tried one shortly after the other. RFC 8305.
#pragma once

#include <memory>
#include <vector>

#include "libmailcore/net/stream.h"
#include "queued/out/settings.h"

namespace ostler::out {

/// Who won, and who did not answer before that.
struct Race {
  std::unique_ptr<net::Stream> stream;  ///< null: nobody answered
  net::Endpoint winner;
  struct Loser {
    net::Endpoint endpoint;
    Error error;
  };
  std::vector<Loser> losers;  ///< those that failed; who was merely slower is not among them
};

/// The families of the addresses take turns, beginning with the first one's. RFC 8305 4.
[[nodiscard]] std::vector<net::Endpoint> interleaved(const std::vector<net::Endpoint>& endpoints);
/// Where to connect from.
[[nodiscard]] std::optional<net::IpAddress> sourceFor(const Settings& settings, const net::Endpoint& to);
/// Begins with the first; the next one joins when one failed, or after 250 ms. Each has settings->connectTimeout.
[[nodiscard]] Task<Race> connectToFirst(Loop& loop, std::shared_ptr<const Settings> settings, std::vector<net::Endpoint> endpoints);

}  // namespace ostler::out
