// in_line.cc - mail that stands in the Dispatcher's lines: for ETRN (RFC 1985), behind a frozen host, outside a route's hours, for its
// turn; what wakes it, routes it anew or ends its wait. And what an administrator has frozen outside of a line: its time goes on, too.
#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "queued/schedule/hours.h"
#include "queued/schedule/retry.h"
#include "queued/spool/dispatcher.h"

namespace ostler::spool {

namespace {

constexpr std::chrono::seconds kLookAtWaits{10};
/// Each may make a report, which holds a piece of the message in memory.
constexpr std::size_t kEndedAtOnce = 500;

void takeSooner(config::RetrySchedule& out, const config::RetrySchedule& other) {
  const auto isSooner = [](std::chrono::seconds a, std::chrono::seconds b) { return a.count() != 0 && (b.count() == 0 || a < b); };
  if (isSooner(other.expiry, out.expiry)) out.expiry = other.expiry;
  if (isSooner(other.delayNotice, out.delayNotice)) out.delayNotice = other.delayNotice;
}

/// No message to that route's next hops is given up, or told of as delayed, sooner than this says: to pass over most without their records.
config::RetrySchedule soonest(const config::Config& config, const config::RouteRule* rule) {
  config::RetrySchedule out = route::retryFor(config, rule, "");
  if (rule != nullptr && rule->retry) return out;
  for (const config::VirtualServer& server : config.virtualServers) takeSooner(out, server.retry);
  return out;
}

/// The same of any message: by whatever route the members of a domain that stands aside are reached.
config::RetrySchedule soonestOfAny(const config::Config& config) {
  config::RetrySchedule out = soonest(config, nullptr);
  for (const config::RouteRule& rule : config.routes) {
    if (rule.retry) takeSooner(out, *rule.retry);
  }
  return out;
}

/// The first recipient that stands in that line.
std::uint32_t firstIn(const Message& message, std::uint32_t line) {
  std::uint32_t at = 0;
  while (at + 1 < message.recipients.size() && message.recipients[at].line != line) ++at;
  return at;
}

}  // namespace

/// Until when a route's hours let its mail out; the epoch while they do not.
WallTime Dispatcher::openUntil(const config::RouteRule& rule, WallTime now) {
  return schedule::openUntil(rule.pace.hours, now, schedule::localMinuteOfDay).value_or(WallTime{});
}

bool Dispatcher::isForEtrn(std::string_view key) { return key.starts_with(kAsleep); }

bool Dispatcher::isAsleep(const config::RouteRule* rule, WallTime arrived) const {
  if (rule == nullptr || !rule->etrn.hold) return false;
  return rule->etrn.holdFor.count() == 0 || env_.now() < arrived + rule->etrn.holdFor;
}

Task<std::optional<std::size_t>> Dispatcher::wakeDomain(std::string node) {
  const bool andBelow = node.starts_with('@');
  const std::string domain = andBelow ? node.substr(1) : node;
  const auto isAsked = [&](const std::string& pattern) {
    return route::matchesDomain(pattern, domain) || (andBelow && route::matchesDomain("." + domain, pattern));
  };
  std::vector<std::string> patterns;
  for (const config::RouteRule& rule : env_.config->routes) {
    if (!rule.etrn.hold || !isAsked(rule.domain)) continue;
    patterns.push_back(rule.domain);
  }
  if (patterns.empty()) co_return std::nullopt;
  // First: what goes out of the line now, and in vain, is not called for once more.
  const std::vector<Id128> called = co_await callForward(patterns);
  for (const config::RouteRule& rule : env_.config->routes) {
    if (rule.etrn.hold && isAsked(rule.domain)) awake_[asciiLower(rule.domain)] = env_.now() + rule.etrn.open;
  }
  std::size_t waiting = 0;
  for (const auto& [key, hop] : hops_) {
    if (!isForEtrn(key) || hop.rule == nullptr || !isAsked(hop.rule->domain)) continue;
    schedule::Destination* const destination = env_.scheduler.find(key);
    if (destination == nullptr) continue;
    waiting += destination->waiting();
    destination->wakeUntil(env_.now() + hop.rule->etrn.open);
    destination->retryNow();
  }
  pump();
  co_return waiting + called.size();
}

config::RetrySchedule Dispatcher::scheduleOf(const config::RetrySchedule& retry, const Message& message, WallTime began) {
  config::RetrySchedule schedule = retry;
  const WallTime expiresAt = message.extra().expiresAt;
  if (expiresAt == WallTime{}) return schedule;
  const auto untilThen = std::chrono::duration_cast<std::chrono::seconds>(expiresAt - began);
  schedule.expiry = std::max(untilThen, std::chrono::seconds(1));
  return schedule;
}

/// To where an administrator moved the message, if its recipient is elsewhere.
void Dispatcher::turnAside(const Message& message, std::string_view forwardPath, route::Route& route) const {
  const std::string& to = message.extra().movedTo;
  if (to.empty() || route.kind != route::Route::Kind::remote) return;
  const auto host = to == "mx" ? std::nullopt : route::parseHost(to);
  route.nextHop = host ? *host : route::byMx(*env_.config, route::domainOf(forwardPath));
  route.rule = nullptr;
}

void Dispatcher::routeAllAgain() {
  for (const auto& [key, destination] : env_.scheduler.destinations()) {
    for (const Id128& id : destination->take(SIZE_MAX)) {
      if (!takeLeg(*destination, id, SIZE_MAX).empty()) env_.scheduler.wakeAt(env_.now(), id);
    }
  }
  scheduleChanged_.set();
}

void Dispatcher::expiryChanged(const Id128& id) {
  const Message* const message = env_.queue.find(id);
  if (message != nullptr) env_.scheduler.wakeAt(message->extra().deadline(), id);
  scheduleChanged_.set();
}

/// Does its sender hold it back still? RFC 4865. Most are known not to be without their records.
bool Dispatcher::isHeldBack(Message& message) {
  const WallTime now = env_.now();
  const auto mayBe = [now](const RecipientNow& one) { return one.isIdle() && one.attempts == 0 && one.due > now; };
  if (std::none_of(message.recipients.begin(), message.recipients.end(), mayBe)) return false;
  const Result<Facts> facts = factsOf(message);
  if (!facts) return false;
  const WallTime until = (*facts)->record.handling.holdUntil;
  return std::any_of(message.recipients.begin(), message.recipients.end(),
                     [&](const RecipientNow& one) { return mayBe(one) && spool::isHeldBack(until, one.attempts, one.due); });
}

void Dispatcher::routeAgain(const Id128& id) {
  Message* const message = env_.queue.find(id);
  if (message == nullptr) return;
  for (RecipientNow& recipient : message->recipients) recipient.line = 0;
  longEnvelopes_.erase(id);
  if (isHeldBack(*message)) return;  // another next hop, and the same time
  tryNow(id);
}

void Dispatcher::tryNow(const Id128& id) {
  MarkRecord mark;
  mark.id = id;
  mark.kind = MarkRecord::Kind::due;
  mark.due = env_.now();
  env_.note(mark);
  wakeSoon(id);
}

/// Why nothing of that line goes; empty: it goes, each in its turn.
std::string Dispatcher::lineReason(const schedule::Destination& destination) const {
  if (env_.queue.isOutboundStopped()) return "waits: all outbound mail is stopped by an administrator";
  if (outAway_) return "waits: the process that sends mail to other hosts (role out) is not there";
  const std::string hop = "waits for " + destination.key();
  switch (destination.state(env_.now())) {
    case schedule::DestinationState::frozen:
    case schedule::DestinationState::held: return hop + ", which an administrator has stopped";
    case schedule::DestinationState::asleep: return hop + (isForEtrn(destination.key()) ? " until its server asks with ETRN" : " until the hours of its route");
    case schedule::DestinationState::retry:
      return hop + (destination.isSilent(env_.now()) ? ", which does not answer: " : ", which wants less of us and rests: ") + destination.lastReply;
    case schedule::DestinationState::active: break;
  }
  return {};
}

LineReasons Dispatcher::lineReasons() const {
  LineReasons reasons;
  if (env_.queue.isStopped()) reasons.all = "waits: all delivery is stopped by an administrator";
  for (const auto& [key, destination] : env_.scheduler.destinations()) {
    if (destination->waiting() == 0) continue;
    std::string reason = lineReason(*destination);
    if (!reason.empty()) reasons.byLine.emplace(destination->number(), std::move(reason));
  }
  return reasons;
}

std::string Dispatcher::waitReason(const Message& message, const MessageRecord& record, std::uint32_t recipient) const {
  const RecipientNow& now = message.recipients[recipient];
  if (message.hold == Hold::held) return "is held by an administrator";
  if (message.hold == Hold::frozen) return "is frozen by an administrator";
  if (now.inFlight) return "is being delivered";
  if (env_.queue.isStopped()) return "waits: all delivery is stopped by an administrator";
  const std::string& said = record.recipients[recipient].lastReply;
  const std::string last = said.empty() ? std::string() : "; last reply: " + said;
  const schedule::Destination* const destination = destinationOf(message, recipient);
  if (destination == nullptr) {
    if (env_.queue.laidOn(Queue::kSender, record.reversePath) != Hold::none) return "waits: its sender is frozen by an administrator";
    if (now.due > env_.now() && spool::isHeldBack(record.handling.holdUntil, now.attempts, now.due)) {
      return "is held for " + std::to_string((now.due - env_.now()) / std::chrono::seconds(1)) + " s more, as its sender asked (RFC 4865)";
    }
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.due - env_.now()).count();
    return seconds <= 0 ? "is due" + last : "waits " + std::to_string(seconds) + " s for its next attempt" + last;
  }
  const std::string reason = lineReason(*destination);
  if (!reason.empty()) return reason;
  return "waits in line for " + destination->key() + ": " + std::to_string(destination->running()) + " of " + std::to_string(destination->window()) +
         " deliveries run, " + std::to_string(destination->waiting()) + " wait" +
         (destination->wantsLess(env_.now()) ? "; it wants less of us: " + destination->lastReply : std::string());
}

/// What its schedule says of a message that waits in line: whether its time is over, and whether its sender is to hear that it is late.
/// That it waits for ETRN is what its recipient's domain wanted: no word of that.
Dispatcher::Lateness Dispatcher::latenessOf(Message& message, const std::string& key, WallTime now) {
  const bool isAside = key.starts_with(Queue::kDomain);  // one line for all routes to a domain
  const config::RouteRule* rule = isAside ? nullptr : hops_[key].rule;
  const bool mayTell = !message.delayTold && !isForEtrn(key);
  const auto late = [&](const config::RetrySchedule& schedule, WallTime began) {
    const config::RetrySchedule its = scheduleOf(schedule, message, began);
    return Lateness{schedule::expired(its, began, now), mayTell && schedule::delayNoticeDue(its, began, now)};
  };
  const Lateness atMost = late(isAside ? soonestOfAny(*env_.config) : soonest(*env_.config, rule), message.arrived);
  if (!atMost.isExpired && !atMost.isNoticeDue) return {};
  const Result<Facts> facts = factsOf(message);
  if (!facts) return {};
  const MessageRecord& record = (*facts)->record;
  if (isAside) {
    const std::uint32_t at = firstIn(message, env_.scheduler.find(key)->number());
    rule = ruleOf(record, at, message.recipients[at].attempts);
  }
  return late(route::retryFor(*env_.config, rule, record.origin.virtualServer), std::max(message.arrived, record.handling.holdUntil));
}

/// What waits in a line is in no schedule; so now and then the lines are asked for what has waited long enough: it expires, its sender
/// hears that it is late, or it goes out although nobody asked for it.
void Dispatcher::endWaits() {
  const WallTime now = env_.now();
  if (now >= waitsLookedAt_ && now < waitsLookedAt_ + kLookAtWaits) return;
  waitsLookedAt_ = now;
  std::size_t ended = 0;
  if (env_.queue.laidOn(Queue::kEverything, {}) == Hold::held) return;
  for (const auto& [key, destination] : env_.scheduler.destinations()) {
    if (destination->waiting() == 0 || destination->state(now) == schedule::DestinationState::held) continue;
    const Hop hop = hops_[key];
    const bool isEtrn = isForEtrn(key);
    if (!isEtrn && hop.rule != nullptr && !hop.rule->pace.hours.empty()) destination->wakeUntil(openUntil(*hop.rule, now));
    const auto isOver = [&](const Id128& id) {
      Message* const message = env_.queue.find(id);
      if (message == nullptr) return true;
      if (message->hold == Hold::held || ended >= kEndedAtOnce) return false;
      const Lateness late = latenessOf(*message, key, now);
      const bool over = late.isExpired || late.isNoticeDue || (isEtrn && !isAsleep(hop.rule, message->arrived));
      if (over) ++ended;
      return over;
    };
    for (const Id128& id : destination->takeFromFront(isOver)) {
      const std::vector<std::uint32_t> line = takeLeg(*destination, id, SIZE_MAX);
      Message* const message = env_.queue.find(id);
      if (message == nullptr || line.empty()) continue;
      const Lateness late = latenessOf(*message, key, now);
      if (!late.isExpired && !late.isNoticeDue) {
        wakeSoon(id);
        continue;
      }
      std::vector<Outcome> outcomes;
      for (const std::uint32_t at : line) {
        if (message->recipients[at].state != RecipientState::pending) continue;
        Outcome outcome;
        outcome.recipient = at;
        outcome.isRemote = true;
        outcome.countsAsAttempt = false;
        outcome.reply = {451, "4.4.7", isEtrn ? "Nobody asked for it with ETRN" : "It waited for its next hop all the time"};
        outcomes.push_back(std::move(outcome));
      }
      if (!outcomes.empty()) settle(id, std::move(outcomes));
    }
  }
  if (ended >= kEndedAtOnce) waitsLookedAt_ = {};
}

/// What an administrator holds does not expire, by its sender's deadline neither; whoever releases it wakes it.
bool Dispatcher::isForHeld(const Message& message, const Fresh& facts) const {
  for (std::uint32_t at = 0; at < message.recipients.size() && at < facts.record.recipients.size(); ++at) {
    if (message.recipients[at].state != RecipientState::pending) continue;
    const std::string domain = route::domainOf(facts.record.recipients[at].recipient.forwardPath);
    if (env_.queue.laidOn(Queue::kDomain, domain) == Hold::held) return true;
    const schedule::Destination* const line = destinationOf(message, at);
    if (line != nullptr && line->state(env_.now()) == schedule::DestinationState::held) return true;
  }
  return false;
}

/// What is frozen, itself, by its sender or with everything, and is due: whose time is over comes back, of what is late its sender hears;
/// the rest is looked at when that will be. By its deadline look() has ended it.
void Dispatcher::letTimePass(const Message& message, const Facts& facts) {
  const MessageRecord& about = facts->record;
  const WallTime now = env_.now();
  const WallTime began = std::max(message.arrived, about.handling.holdUntil);
  const bool isDeadlineTold = about.handling.by == ipc::Handling::By::notify;
  WallTime next = message.extra().deadline();
  const auto lookAt = [&](WallTime at) {
    if (at > now) next = std::min(next, at);
  };
  std::vector<Outcome> over;
  for (std::uint32_t at = 0; at < message.recipients.size(); ++at) {
    if (!message.recipients[at].isIdle()) continue;
    const config::RouteRule* const rule = ruleOf(about, at, message.recipients[at].attempts);
    const config::RetrySchedule retry = scheduleOf(route::retryFor(*env_.config, rule, about.origin.virtualServer), message, began);
    const bool isLate = (isDeadlineTold && about.handling.deliverBy <= now) || schedule::delayNoticeDue(retry, began, now);
    if (retry.expiry.count() > 0) lookAt(began + retry.expiry);
    if (!message.delayTold && retry.delayNotice.count() > 0) lookAt(began + retry.delayNotice);
    if (!message.delayTold && isDeadlineTold) lookAt(about.handling.deliverBy);
    if (!schedule::expired(retry, began, now) && (message.delayTold || !isLate)) continue;
    Outcome outcome;
    outcome.recipient = at;
    outcome.isRemote = true;
    outcome.countsAsAttempt = false;
    outcome.reply = {451, "4.4.7", "It is kept back here"};
    over.push_back(std::move(outcome));
  }
  if (next > now && next != WallTime::max()) env_.scheduler.wakeAt(next, message.id);
  if (!over.empty()) settle(message.id, std::move(over));
}

const schedule::Destination* Dispatcher::destinationOf(const Message& message, std::uint32_t recipient) const {
  const std::uint32_t line = message.recipients[recipient].line;
  for (const auto& [key, destination] : env_.scheduler.destinations()) {
    if (line != 0 && destination->number() == line) return destination.get();
  }
  return nullptr;
}

}  // namespace ostler::spool
