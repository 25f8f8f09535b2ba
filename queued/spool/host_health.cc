// host_health.cc - what attempts say of the hosts they were made with: one that does not answer has its mail deferred without being
// asked, one that wants less of us gets less, or rests. RFC 5321 4.5.4.1.
#include <fmt/format.h>

#include <algorithm>

#include "libmailcore/smtp/pressure.h"
#include "queued/spool/dispatcher.h"

namespace ostler::spool {

namespace {

/// Messages that are deferred without being sent, between two turns of the loop.
constexpr std::size_t kDeferredAtOnce = 50;

}  // namespace

/// What an attempt says about its host. Its words make it rest or get fewer at once; they are its own, so they reach no other host.
void Dispatcher::heedHost(const schedule::Start& start, const std::vector<Outcome>& outcomes, std::chrono::seconds longest) {
  schedule::HostVerdict verdict = schedule::HostVerdict::noAnswer;
  const Outcome* saying = &outcomes.front();
  std::string_view rule;
  for (const Outcome& outcome : outcomes) {
    if (outcome.isAnswered || !outcome.by.empty() || outcome.state != RecipientState::pending) verdict = schedule::HostVerdict::answered;
    if (!outcome.isRemote) verdict = schedule::HostVerdict::notAsked;
    const bool isDeferred = !outcome.by.empty() && outcome.state == RecipientState::pending;
    const smtp::Pressure pressure = isDeferred ? smtp::pressureOf(outcome.reply.code, outcome.reply.enhanced, outcome.reply.text) : smtp::Pressure();
    if (!pressure.isFelt) continue;
    saying = &outcome;
    rule = pressure.rule;
  }
  const auto isDelivered = [](const Outcome& outcome) { return outcome.state == RecipientState::delivered; };
  const bool wantsLess = !rule.empty() && verdict == schedule::HostVerdict::answered && std::none_of(outcomes.begin(), outcomes.end(), isDelivered);
  if (wantsLess) verdict = schedule::HostVerdict::wantsLess;
  schedule::Destination& destination = *start.destination;
  if (wantsLess || verdict == schedule::HostVerdict::noAnswer) destination.lastReply = report::oneLine(saying->reply);
  // A short rest at first: a host that restarts is back within a minute; it grows to the first retry interval.
  const std::chrono::seconds pause = std::min(std::chrono::seconds(60), longest);
  env_.scheduler.finished(start, verdict, env_.now(), pause, longest);
  if (!wantsLess) return;
  const bool rests = destination.state(env_.now()) == schedule::DestinationState::retry;
  const WallTime until = rests ? destination.retryAt() : destination.lessUntil();
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(until - env_.now()).count();
  const std::string what = rests ? fmt::format("rests {} s", seconds) : fmt::format("gets {} at once for {} s", destination.window(), seconds);
  env_.history.note(start.message, env_.now(), fmt::format("host {} {} rule={}", destination.key(), what, rule));
  env_.log.warn("host-wants-less", {{"destination", destination.key()}, {"then", what}, {"rule", rule}, {"reply", destination.lastReply}});
}

void Dispatcher::deferWaiting(const std::string& key) {
  if (deferring_.insert(key).second) scope_.spawn(deferPiecewise(key));
}

/// As long as it does not answer. A host that was silent for minutes has the whole queue in line; other hosts' mail goes on meanwhile.
Task<void> Dispatcher::deferPiecewise(std::string key) {
  while (true) {
    schedule::Destination* const destination = env_.scheduler.find(key);
    const bool isSilent = destination != nullptr && destination->isSilent(env_.now());
    const std::vector<Id128> some = isSilent ? destination->take(kDeferredAtOnce) : std::vector<Id128>();
    for (const Id128& id : some) {
      std::vector<Outcome> outcomes;
      const std::vector<std::uint32_t> leg = takeLeg(*destination, id, SIZE_MAX);
      const Message* const message = env_.queue.find(id);
      if (message == nullptr || message->hold == Hold::held) continue;  // whoever releases it wakes it
      for (const std::uint32_t recipient : leg) {
        Outcome outcome;
        outcome.recipient = recipient;
        outcome.isRemote = true;
        outcome.countsAsAttempt = false;
        outcome.isUntried = true;
        outcome.reply = {451, "4.4.1", "Not tried, the host does not answer: " + destination->lastReply};
        outcomes.push_back(std::move(outcome));
      }
      if (!outcomes.empty()) settle(id, std::move(outcomes));
    }
    if (!isSilent || destination->waiting() == 0) break;
    co_await env_.loop.yield();
  }
  deferring_.erase(key);
}

}  // namespace ostler::spool
