#include "queued/out/racing.h"

#include <algorithm>

#include "libmailcore/net/socket_stream.h"

namespace ostler::out {
namespace {

constexpr std::chrono::milliseconds kHeadStart{250};  // RFC 8305 5

struct Runners {
  explicit Runners(Loop& on) : loop(on), changed(on), scope(on) {}
  Loop& loop;
  Race race;
  Signal changed;
  TaskScope scope;  // goes first: what still runs must find the rest
};

Task<void> run(Runners& among, std::shared_ptr<const Settings> settings, net::Endpoint to) {
  const std::optional<net::IpAddress> source = sourceFor(*settings, to);
  Result<std::unique_ptr<net::Stream>> stream = co_await net::connectTo(among.loop, to, source, Deadline::after(settings->connectTimeout));
  if (!stream) {
    among.race.losers.push_back({to, stream.error()});
  } else if (!among.race.stream) {
    among.race.stream = std::move(*stream);
    among.race.winner = to;
  }
  among.changed.set();
}

}  // namespace

std::vector<net::Endpoint> interleaved(const std::vector<net::Endpoint>& endpoints) {
  if (endpoints.empty()) return {};
  const bool firstIsV4 = endpoints.front().address.isV4();
  std::vector<net::Endpoint> one;
  std::vector<net::Endpoint> other;
  for (const net::Endpoint& endpoint : endpoints) (endpoint.address.isV4() == firstIsV4 ? one : other).push_back(endpoint);
  std::vector<net::Endpoint> out;
  for (std::size_t at = 0; at < std::max(one.size(), other.size()); ++at) {
    if (at < one.size()) out.push_back(one[at]);
    if (at < other.size()) out.push_back(other[at]);
  }
  return out;
}

std::optional<net::IpAddress> sourceFor(const Settings& settings, const net::Endpoint& to) {
  if (!to.unixPath.empty()) return std::nullopt;
  const std::optional<net::IpAddress>& source = to.address.isV4() ? settings.sourceV4 : settings.sourceV6;
  // From an address that others know nobody on loopback is reached.
  if (to.address.isLoopback() && source && !source->isLoopback()) return std::nullopt;
  return source;
}

Task<Race> connectToFirst(Loop& loop, std::shared_ptr<const Settings> settings, std::vector<net::Endpoint> endpoints) {
  Runners runners(loop);
  std::size_t begun = 0;
  while (!runners.race.stream && runners.race.losers.size() < endpoints.size()) {
    const bool isNextsTurn = begun < endpoints.size();
    const std::size_t lostBefore = runners.race.losers.size();
    if (isNextsTurn) runners.scope.spawn(run(runners, settings, endpoints[begun++]));
    if (runners.race.stream || runners.race.losers.size() > lostBefore) continue;  // it was decided at once
    const Result<void> changed = co_await runners.changed.wait(begun < endpoints.size() ? Deadline::after(kHeadStart) : Deadline::never());
    (void)changed;
  }
  co_return std::move(runners.race);
}

}  // namespace ostler::out
