// destination_commands.cc - what is known of next hops (`ostler queue destinations`, `ostler queue top`), and what is laid on them.
// Page by page: a queue to everybody has more next hops than fit into a frame. The cursor is the last key that was shown.
#include <fmt/format.h>

#include <map>

#include "queued/control/control.h"
#include "queued/control/listing.h"

namespace ostler::control {

namespace {

using spool::Hold;

std::int64_t secondsOf(WallTime time) { return toUnixMillis(time) / 1000; }

const char* wordFor(Hold hold) { return hold == Hold::held ? "held" : "frozen"; }

/// One next hop on its way into a list.
struct NextHop {
  const schedule::Destination& destination;
  WallTime now;
  std::string_view reason;
};

std::string asJson(const NextHop& shown) {
  const schedule::Destination& destination = shown.destination;
  return fmt::format(
      R"({{"destination":{},"state":"{}","waiting":{},"running":{},"window":{},"attempts":{},"failures":{},"retryAt":{},"lessUntil":{},"reason":{}}})"
      "\n",
      jsonString(destination.key()), nameOf(destination.state(shown.now)), destination.waiting(), destination.running(), destination.window(),
      destination.attempts(), destination.failuresInARow(), secondsOf(destination.retryAt()),
      destination.wantsLess(shown.now) ? secondsOf(destination.lessUntil()) : 0, jsonString(shown.reason));
}

std::string asText(const NextHop& shown, LocalTimes& times) {
  const schedule::Destination& destination = shown.destination;
  std::string text = fmt::format("{} {} waiting={} running={} window={} attempts={} failures={}", printable(destination.key(), 300),
                                 nameOf(destination.state(shown.now)), destination.waiting(), destination.running(), destination.window(),
                                 destination.attempts(), destination.failuresInARow());
  if (destination.retryAt() > shown.now) text.append(" next=").append(times.date(destination.retryAt()));
  if (destination.wantsLess(shown.now)) text.append(" less_until=").append(times.date(destination.lessUntil()));
  if (!shown.reason.empty()) text.append("\n    ").append(printable(shown.reason, 300));
  return text += '\n';
}

/// Behind the last page's end; the cursor of the first page is empty, which no key is.
template <class Rows>
auto after(const Rows& rows, const std::string& cursor) {
  return cursor.empty() ? rows.begin() : rows.upper_bound(cursor);
}

}  // namespace

Task<Control::Reply> Control::destinations(Arguments arguments, std::string cursor) {
  Reply reply;
  LocalTimes times;
  const WallTime now = env_.now();
  const bool json = arguments.has("--json");
  const auto& all = env_.scheduler.destinations();
  for (auto at = after(all, cursor); at != all.end(); ++at) {
    const NextHop shown{*at->second, now, dispatcher_.isOutAway() ? "role out is not there" : std::string_view(at->second->lastReply)};
    reply.output += json ? asJson(shown) : asText(shown, times);
    if (reply.output.size() < kPageOctets) continue;
    reply.next = at->first;
    co_return reply;
  }
  // Behind them what waits for nothing yet.
  for (const auto& [key, hold] : env_.queue.destinations()) {
    if (env_.scheduler.find(key) != nullptr) continue;
    reply.output += json ? fmt::format("{{\"destination\":{},\"state\":\"{}\"}}\n", jsonString(key), wordFor(hold)) : fmt::format("{} {}\n", printable(key, 300), wordFor(hold));
  }
  co_return reply;
}

/// What an administrator has laid on destinations, senders and routes.
Task<Control::Reply> Control::holds(Arguments arguments, std::string cursor) {
  Reply reply;
  const bool json = arguments.has("--json");
  const auto& all = env_.queue.destinations();
  for (auto at = after(all, cursor); at != all.end(); ++at) {
    const auto& [key, hold] = *at;
    reply.output += json ? fmt::format("{{\"key\":{},\"hold\":\"{}\"}}\n", jsonString(key), wordFor(hold)) : fmt::format("{} {}\n", printable(key, 300), wordFor(hold));
    if (reply.output.size() < kPageOctets) continue;
    reply.next = key;
    break;
  }
  co_return reply;
}

}  // namespace ostler::control
