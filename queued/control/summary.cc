// summary.cc - `ostler queue summary`: numbers for monitors, from which role health makes its metrics; and whether the roles behind the
// spool answer, which have no listener that anybody could knock at.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "queued/control/control.h"
#include "queued/control/listing.h"

namespace ostler::control {

namespace {

/// The longest lines; a monitor has no use for ten thousand.
constexpr std::size_t kDestinationsMost = 50;

/// For each role: who asks us waits, too.
constexpr std::chrono::milliseconds kRolePatience{1'500};

std::string asJson(const metrics::Histogram& histogram) {
  const metrics::Histogram::Reading reading = histogram.read();
  return fmt::format(R"({{"counts":[{}],"micros":{}}})", fmt::join(reading.counts, ","), reading.micros);
}

std::vector<const schedule::Destination*> longest(const schedule::Scheduler& scheduler) {
  std::vector<const schedule::Destination*> all;
  for (const auto& [key, destination] : scheduler.destinations()) all.push_back(destination.get());
  const auto isLonger = [](const schedule::Destination* a, const schedule::Destination* b) { return a->waiting() + a->running() > b->waiting() + b->running(); };
  const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), kDestinationsMost));
  std::partial_sort(all.begin(), end, all.end(), isLonger);
  all.erase(end, all.end());
  return all;
}

}  // namespace

/// One JSON object. Costs the same however many messages there are. `active`: in line for a next hop or on their way; `deferred`: the
/// other recipients that wait, for their time or for an administrator.
Task<Control::Reply> Control::summary(Arguments, std::string) {
  Reply reply;
  const WallTime now = env_.now();
  const std::vector<Id128> first = env_.queue.idsAfter(Id128(), 1);
  const spool::Message* const oldest = first.empty() ? nullptr : env_.queue.find(first.front());
  const auto age = oldest == nullptr ? std::chrono::seconds(0) : std::chrono::duration_cast<std::chrono::seconds>(now - oldest->arrived);
  std::uint64_t active = 0;
  for (const auto& [key, destination] : env_.scheduler.destinations()) active += destination->waiting() + destination->running();
  const std::uint64_t pending = env_.queue.pendingRecipients();
  reply.output = fmt::format(
      R"({{"messages":{},"octets":{},"held":{},"pending_recipients":{},"oldest_seconds":{},"stopped":{},"outbound_stopped":{},"active":{},"deferred":{},"delivery":{},"sync":{},"destinations":[)",
      env_.queue.messages().size(), env_.queue.octets(), env_.queue.held(), pending, age.count(), env_.queue.isStopped() ? 1 : 0,
      env_.queue.isOutboundStopped() ? 1 : 0, active, pending - std::min(active, pending), asJson(env_.measured.deliveries), asJson(env_.measured.syncs));
  const char* comma = "";
  for (const schedule::Destination* destination : longest(env_.scheduler)) {
    reply.output += fmt::format(R"({}{{"name":{},"state":"{}","waiting":{},"running":{}}})", comma, jsonString(destination->key()),
                                nameOf(destination->state(now)), destination->waiting(), destination->running());
    comma = ",";
  }
  reply.output += "]}";
  co_return reply;
}

/// One JSON object: does each answer in time? A process may be there, and its socket open, and yet stand still.
Task<Control::Reply> Control::roles(Arguments, std::string) {
  const bool auth = co_await env_.directory.isAnswering(Deadline::after(kRolePatience));
  const bool out = co_await dispatcher_.isOutAnswering(Deadline::after(kRolePatience));
  Reply reply;
  reply.output = fmt::format(R"({{"auth":{},"out":{}}})", auth, out);
  co_return reply;
}

}  // namespace ostler::control
