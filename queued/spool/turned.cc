// turned.cc - the Dispatcher's way over connections that the next hop made and turned round: ATRN. RFC 2645.
// Mail that waits for ETRN goes one message after the other; what is left when the connection ends waits on.
#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/ipc/sending.h"
#include "queued/policy/policy.h"
#include "queued/spool/dispatcher.h"

namespace ostler::spool {

namespace {

/// ATRN asks for what waits; what an administrator stopped is not to be had.
bool mayBeSent(const schedule::Destination* destination, WallTime now) {
  if (destination == nullptr || destination->waiting() == 0) return false;
  const schedule::DestinationState state = destination->state(now);
  return state != schedule::DestinationState::frozen && state != schedule::DestinationState::held;
}

/// The client was told, and greets: RFC 5321 4.5.3.2.1 gives it 5 minutes.
constexpr std::chrono::minutes kGreetingMost{6};

}  // namespace

Task<std::size_t> Dispatcher::turnRound(std::vector<std::string> patterns, UniqueFd connection, std::string remoteHost) {
  // All of it is for this connection: what an ETRN before it began is over.
  const auto isAskedFor = [&patterns](const Hop& hop) {
    return hop.rule != nullptr && std::ranges::any_of(patterns, [&hop](const std::string& one) { return equalsIgnoreCase(one, hop.rule->domain); });
  };
  for (const std::string& pattern : patterns) awake_.erase(asciiLower(pattern));
  for (const auto& [key, hop] : hops_) {
    schedule::Destination* const destination = isForEtrn(key) && isAskedFor(hop) ? env_.scheduler.find(key) : nullptr;
    if (destination != nullptr) destination->wakeUntil(WallTime{});
  }
  std::vector<Id128> called = co_await callForward(patterns);
  co_await untilInLine(std::move(called));
  std::vector<std::string> keys;
  std::size_t waiting = 0;
  for (const auto& [key, hop] : hops_) {
    const schedule::Destination* const destination = isForEtrn(key) && isAskedFor(hop) ? env_.scheduler.find(key) : nullptr;
    if (!mayBeSent(destination, env_.now())) continue;
    waiting += destination->waiting();
    keys.push_back(key);
  }
  if (waiting > 0 && !draining_) scope_.spawn(sendOver(std::move(keys), std::move(connection), std::move(remoteHost)));
  co_return draining_ ? 0 : waiting;
}

Task<void> Dispatcher::sendOver(std::vector<std::string> keys, UniqueFd connection, std::string remoteHost) {
  ipc::AdoptConnection adopt;
  adopt.name = "turned:" + Id128::make(env_.now()).text();
  adopt.heloName = env_.config->outbound.heloName.empty() ? env_.config->hostName : env_.config->outbound.heloName;
  adopt.remoteHost = remoteHost;
  const std::string name = adopt.name;
  std::vector<UniqueFd> descriptors;
  descriptors.push_back(std::move(connection));
  const auto adopted = co_await out_.callWithDescriptors(std::move(adopt), std::move(descriptors), Deadline::after(kGreetingMost));
  bool goesOn = adopted && adopted->message.code == 250;
  if (!goesOn) env_.log.warn("atrn-ended", {{"host", remoteHost}, {"reason", adopted ? adopted->message.text : adopted.error().detail}});
  for (const std::string& key : keys) {
    while (goesOn && !draining_ && !env_.ledger.stuck() && !env_.queue.isStopped() && !env_.queue.isOutboundStopped()) {
      if (!mayBeSent(env_.scheduler.find(key), env_.now())) break;
      goesOn = co_await sendNext(key, name);
    }
  }
  out_.notify(ipc::EndAdopted{name});
}

/// The next message in line. False: the connection is of no use any more.
Task<bool> Dispatcher::sendNext(std::string key, std::string name) {
  schedule::Destination& destination = *env_.scheduler.find(key);
  bool taken = false;
  const std::vector<Id128> next = destination.takeFromFront([&taken](const Id128&) { return !std::exchange(taken, true); });
  if (next.empty()) co_return false;
  const Id128 id = next.front();
  std::vector<std::uint32_t> which = takeLeg(destination, id);
  Message* const message = env_.queue.find(id);
  std::erase_if(which, [message](std::uint32_t at) {
    return message == nullptr || at >= message->recipients.size() || message->recipients[at].state != RecipientState::pending;
  });
  if (which.empty()) co_return true;
  const Result<Facts> facts = factsOf(*message);
  const bool isHeld = message->hold != Hold::none || (facts && env_.queue.laidOn(Queue::kSender, (*facts)->record.reversePath) != Hold::none);
  for (const std::uint32_t at : which) message->recipients[at].inFlight = facts.has_value() && !isHeld;
  if (!facts) wakeWhenReadable(id);
  if (isHeld) wakeSoon(id);
  if (facts && !isHeld) setHeldAside(id, *facts, which, key);
  if (!facts || isHeld || which.empty()) co_return true;
  Hop hop = hops_[key];
  hop.nextHop = {};
  hop.nextHop.kind = ipc::NextHop::Kind::adopted;
  hop.nextHop.name = name;
  ++sending_;
  const std::size_t place = env_.underWay.begin(id, env_.now());
  std::vector<Outcome> outcomes = co_await dialogue(id, *facts, hop, which);
  --sending_;
  if (outcomes.empty()) {
    env_.underWay.end(place);
    standInLine(id, *facts, destination, which);
    co_return false;
  }
  bool isThere = true;
  for (Outcome& outcome : outcomes) {
    const bool isLost = outcome.by.empty() && outcome.state == RecipientState::pending;
    if (isLost) outcome.countsAsAttempt = false;
    isThere = isThere && !isLost;
  }
  settle(id, std::move(outcomes));
  endAttempt(id, place);
  co_return isThere;
}

}  // namespace ostler::spool
