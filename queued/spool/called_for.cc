// called_for.cc - mail that was tried in vain, and that its domain's server calls for before its next attempt: ETRN (RFC 1985), ATRN
// (RFC 2645). It stands in no line, so that it is looked for in the queue.
#include <algorithm>

#include "queued/spool/dispatcher.h"

namespace ostler::spool {

namespace {

constexpr std::size_t kReadAtOnce = 1000;

/// What every domain that the pattern fits is filed under; empty: there is no telling.
std::string filedFor(const std::string& pattern) {
  return pattern.starts_with('.') || pattern == "*" ? std::string() : filedByDomain(route::domainOf("@" + pattern));
}

/// Is it for that domain, and waits for its time alone? What its sender holds back (RFC 4865) waits for another.
bool isDeferred(const Message& message, const MessageView& record, const std::string& pattern, WallTime now) {
  if (message.hold != Hold::none) return false;
  for (std::size_t at = 0; at < record.recipients.size() && at < message.recipients.size(); ++at) {
    const RecipientNow& recipient = message.recipients[at];
    const bool waits = recipient.isIdle() && recipient.due > now && !isHeldBack(record.handling.holdUntil, recipient.attempts, recipient.due);
    if (waits && route::matchesDomain(pattern, route::domainOf(record.recipients[at].forwardPath))) return true;
  }
  return false;
}

}  // namespace

/// Messages to domains that fit, read piece by piece off the loop: what comes or goes meanwhile may be missed.
Task<std::vector<Id128>> Dispatcher::deferredFor(std::string pattern) {
  std::vector<Id128> found;
  const std::string filed = filedFor(pattern);
  std::vector<Id128> page = env_.queue.idsAfter(Id128(), kReadAtOnce, filed);
  while (!page.empty()) {
    auto reading = std::make_shared<Reading>(env_.queue.reading(page));
    auto job = [reading]() -> Result<void> {
      reading->run();
      return {};
    };
    const Result<void> done = co_await env_.disk.run(env_.loop, std::move(job));
    if (!done) break;  // the pool takes no more: we stop
    env_.queue.show(*reading, [&](const Message& message, const MessageView& record) {
      if (isDeferred(message, record, pattern, env_.now())) found.push_back(message.id);
    });
    const Id128 last = page.back();
    page = env_.queue.idsAfter(last, kReadAtOnce, filed);
  }
  co_return found;
}

/// Of messages to these domains that wait for their next attempt: it is now. Which they are.
Task<std::vector<Id128>> Dispatcher::callForward(std::vector<std::string> patterns) {
  std::vector<Id128> all;
  for (const std::string& pattern : patterns) {
    const std::vector<Id128> some = co_await deferredFor(pattern);
    all.insert(all.end(), some.begin(), some.end());
  }
  for (const Id128& id : all) tryNow(id);
  co_return all;
}

/// Until they stand in line, or somebody else has them.
Task<void> Dispatcher::untilInLine(std::vector<Id128> ids) {
  constexpr std::chrono::seconds kMost{10};
  const Deadline patience = Deadline::after(kMost);
  const auto isDue = [this](const Id128& id) {
    const Message* const message = env_.queue.find(id);
    return message != nullptr && message->hold == Hold::none && (message->due() <= env_.now() || message->anyInFlight());
  };
  while (!patience.passed() && std::ranges::any_of(ids, isDue)) co_await env_.loop.sleepUntil(Deadline::after(std::chrono::milliseconds(5)));
}

}  // namespace ostler::spool
