// destination_commands.cc - what is known of next hops (`ostler queue destinations`, `ostler queue top`), and what is laid on them.
#include <fmt/format.h>

#include "queued/control/control.h"
#include "queued/control/listing.h"

namespace ostler::control {

namespace {

using spool::Hold;

std::int64_t secondsOf(WallTime time) { return toUnixMillis(time) / 1000; }

std::string asJson(const schedule::Destination& destination, WallTime now, std::string_view reason) {
  return fmt::format(
      R"({{"destination":{},"state":"{}","waiting":{},"running":{},"window":{},"attempts":{},"failures":{},"retryAt":{},"lessUntil":{},"reason":{}}})",
      jsonString(destination.key()), nameOf(destination.state(now)), destination.waiting(), destination.running(), destination.window(),
      destination.attempts(), destination.failuresInARow(), secondsOf(destination.retryAt()),
      destination.wantsLess(now) ? secondsOf(destination.lessUntil()) : 0, jsonString(reason));
}

}  // namespace

Task<Control::Reply> Control::destinations(Arguments, std::string) {
  Reply reply;
  const WallTime now = env_.now();
  for (const auto& [key, destination] : env_.scheduler.destinations()) {
    reply.output += asJson(*destination, now, dispatcher_.isOutAway() ? "role out is not there" : std::string_view(destination->lastReply)) + "\n";
    if (reply.output.size() > kPageOctets) break;
  }
  for (const auto& [key, hold] : env_.queue.destinations()) {
    if (env_.scheduler.find(key) != nullptr) continue;
    reply.output += fmt::format("{{\"destination\":{},\"state\":\"{}\"}}\n", jsonString(key), hold == Hold::held ? "held" : "frozen");
  }
  co_return reply;
}

/// What an administrator has laid on destinations, senders and routes.
Task<Control::Reply> Control::holds(Arguments, std::string) {
  Reply reply;
  for (const auto& [key, hold] : env_.queue.destinations())
    reply.output += fmt::format("{{\"key\":{},\"hold\":\"{}\"}}\n", jsonString(key), hold == Hold::held ? "held" : "frozen");
  co_return reply;
}

}  // namespace ostler::control
