// clock_set_back.cc - the Dispatcher and a wall clock that was ahead and is set back: what was deferred meanwhile would be due when that
// time comes again, and what came meanwhile would not expire before.
#include <sys/stat.h>

#include <algorithm>

#include "queued/spool/dispatcher.h"

namespace ostler::spool {

namespace {

/// Smaller steps harm nobody, and NTP makes them.
constexpr std::chrono::minutes kStep{1};
constexpr std::size_t kAtOnce = 500;  ///< between two turns of the loop

std::chrono::seconds longestOf(const config::RetrySchedule& retry) { return std::max({retry.first, retry.second, retry.third, retry.subsequent}); }

/// No schedule has anybody wait for longer.
std::chrono::seconds longestPause(const config::Config& config) {
  std::chrono::seconds longest = longestOf(route::retryFor(config, nullptr, ""));
  for (const config::VirtualServer& server : config.virtualServers) longest = std::max(longest, longestOf(server.retry));
  for (const config::RouteRule& rule : config.routes) {
    if (rule.retry) longest = std::max(longest, longestOf(*rule.retry));
  }
  return longest;
}

}  // namespace

/// Has the wall clock gone back, measured by one that nobody sets, since this was asked last?
bool Dispatcher::wasClockSetBack() {
  const auto ahead = env_.now().time_since_epoch() - env_.clock.steady().time_since_epoch();
  const auto before = std::exchange(wallAhead_, ahead);
  return before && *before - ahead >= kStep;
}

/// While nobody ran? Messages say so that came in a time that is not yet, or the index that was written then.
bool Dispatcher::wasClockAhead() const {
  const WallTime latest = env_.now() + kStep;
  struct stat written {};
  const bool isIndexAhead = ::stat((env_.config->queueDir() + "/index/data.mdb").c_str(), &written) == 0 &&
                            std::chrono::system_clock::from_time_t(written.st_mtime) > std::max(latest, std::chrono::system_clock::now() + kStep);
  const auto isAhead = [latest](const auto& entry) { return entry.second.arrived > latest; };
  return isIndexAhead || std::any_of(env_.queue.messages().begin(), env_.queue.messages().end(), isAhead);
}

/// A sender's own time (RFC 4865) stays.
Task<void> Dispatcher::bringBack() {
  const WallTime now = env_.now();
  const WallTime latest = now + std::max<std::chrono::seconds>(longestPause(*env_.config), kUnreadable) + kStep;
  std::vector<Id128> far;
  for (const auto& [id, message] : env_.queue.messages()) {
    const auto isFar = [latest](const RecipientNow& recipient) { return recipient.isIdle() && recipient.due > latest; };
    if (message.arrived > now + kStep || std::any_of(message.recipients.begin(), message.recipients.end(), isFar)) far.push_back(id);
  }
  std::size_t brought = 0;
  for (std::size_t at = 0; at < far.size(); ++at) {
    if (bringBackOne(far[at], latest)) ++brought;
    if (at % kAtOnce == kAtOnce - 1) co_await env_.loop.yield();
  }
  if (brought == 0) co_return;
  env_.log.warn("clock-set-back", {{"messages", std::uint64_t{brought}}, {"effect", "they came, or were deferred, when the clock was ahead, and are due now"}});
}

bool Dispatcher::bringBackOne(const Id128& id, WallTime latest) {
  Message* const message = env_.queue.find(id);
  if (message == nullptr) return false;
  const Result<Facts> facts = factsOf(*message);
  if (!facts) return false;
  const MessageRecord& record = (*facts)->record;
  const WallTime now = env_.now();
  const config::RetrySchedule& retry = route::retryFor(*env_.config, nullptr, record.origin.virtualServer);
  MarkRecord mark;
  mark.id = id;
  const bool isAhead = message->arrived > now + kStep && message->extra().expiresAt == WallTime{} && retry.expiry.count() > 0;
  if (isAhead) {
    mark.kind = MarkRecord::Kind::expiry;
    mark.due = now + retry.expiry;
    env_.note(mark);
  }
  const bool isFar = std::any_of(message->recipients.begin(), message->recipients.end(), [&](const RecipientNow& recipient) {
    return recipient.isIdle() && recipient.due > latest && !spool::isHeldBack(record.handling.holdUntil, recipient.attempts, recipient.due);
  });
  if (isFar) {
    mark.kind = MarkRecord::Kind::due;
    mark.due = now;
    env_.note(mark);
  }
  if (isAhead || isFar) reschedule(id);
  return isAhead || isFar;
}

}  // namespace ostler::spool
