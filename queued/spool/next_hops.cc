// next_hops.cc - the Dispatcher's way to other hosts: lines for next hops, and the dialogue that role out has for us.
#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/ipc/sending.h"
#include "queued/policy/policy.h"
#include "queued/schedule/hours.h"
#include "queued/schedule/retry.h"
#include "queued/spool/contents.h"
#include "queued/spool/dispatcher.h"

namespace ostler::spool {

namespace {

/// An hour is more than RFC 5321 4.5.3.2 adds up to for a large message; then role out has lost us.
constexpr std::chrono::hours kDialogueMost{1};

constexpr std::size_t kHopsKept = 10'000;

constexpr unsigned kLossesMost = 3;

/// From here on it is kept while the message waits, so that it is not read back for each of its transactions.
constexpr std::size_t kLongEnvelope = 16;
/// Messages that are deferred without being sent, between two turns of the loop.
constexpr std::size_t kDeferredAtOnce = 200;

/// Content that is in memory and not larger than this goes along with the request: less work than handing over a descriptor.
constexpr std::size_t kWithRequest = 64 * 1024;

/// Stands before the key of a destination whose mail waits for ETRN.
constexpr const char* kAsleep = "etrn:";
constexpr std::chrono::seconds kLookAtWaits{10};

std::uint64_t concurrencyOf(const config::Config& config, const config::RouteRule* rule) {
  const bool hasOwn = rule != nullptr && rule->pace.concurrency != 0;
  return hasOwn ? rule->pace.concurrency : config.outbound.concurrencyPerDestination;
}

Rate rateOf(const config::Config& config, const config::RouteRule* rule) {
  if (rule != nullptr && rule->pace.rate.count != 0) return rule->pace.rate;
  if (rule != nullptr && rule->pace.perMinute != 0) return {rule->pace.perMinute, std::chrono::minutes(1)};
  return config.outbound.ratePerDestination;
}

/// Until when a route's hours let its mail out; the epoch while they do not.
WallTime openUntil(const config::RouteRule& rule, WallTime now) {
  return schedule::openUntil(rule.pace.hours, now, schedule::localMinuteOfDay(now)).value_or(WallTime{});
}

std::uint64_t senderOf(const MessageRecord& record) {
  return std::hash<std::string>{}(record.origin.user.empty() ? record.reversePath : record.origin.user);
}

}  // namespace

void Dispatcher::queueForHop(const Id128& id, const Facts& facts, std::uint32_t recipient, const route::Route& route) {
  Message* message = env_.queue.find(id);
  if (message == nullptr) return;
  const bool asleep = isAsleep(route.rule, message->arrived);
  const std::string key = std::string(asleep ? kAsleep : "") + route.nextHop.key();
  if (hops_.size() >= kHopsKept) {
    std::erase_if(hops_, [this](const auto& entry) { return env_.scheduler.find(entry.first) == nullptr; });
  }
  Hop& hop = hops_[key];
  hop = {route.nextHop, route.rule, env_.config};
  if (route.rule != nullptr && !route.rule->passwordFile.empty()) hop.nextHop.password = passwords_[route.rule->passwordFile];
  schedule::Destination& destination =
      env_.scheduler.destination(key, static_cast<std::uint32_t>(concurrencyOf(*env_.config, route.rule)));
  destination.setRate(rateOf(*env_.config, route.rule));
  destination.setAdministrative(stateLaidOn(key, route.rule));
  if (asleep) {
    destination.wakeUntil(awake_[asciiLower(route.rule->domain)]);
    if (destination.state(env_.now()) == schedule::DestinationState::asleep) env_.queue.dropFresh(*message);
  }
  const bool hasHours = !asleep && route.rule != nullptr && !route.rule->pace.hours.empty();
  if (hasHours) destination.wakeUntil(openUntil(*route.rule, env_.now()));
  RecipientNow& now = message->recipients[recipient];
  now.inFlight = false;
  if (!isInLine(*message, destination.number())) env_.scheduler.push(destination, senderOf(facts->record), id, facts->record.handling.priority);
  now.line = destination.number();
  if (message->recipients.size() > kLongEnvelope) {
    LongEnvelope& kept = longEnvelopes_[id];
    const bool isKept = kept.facts && kept.facts->record.recipients.size() == message->recipients.size();
    if (!isKept) {
      kept.facts = std::make_shared<const Fresh>(Fresh{facts->record, nullptr});
      for (const RecipientNow& other : message->recipients) {
        if (other.waits()) kept.lines.insert(other.line);
      }
    }
    kept.lines.insert(now.line);
  }
  const WallTime deadline = message->extra().deadline();
  if (deadline != WallTime::max()) env_.scheduler.wakeAt(deadline, id);  // what waits in line is in no schedule otherwise
  // A host that rests is not asked for each message: what is due meanwhile is deferred with what it said last.
  if (destination.state(env_.now()) == schedule::DestinationState::retry) deferWaiting(destination.key());
}

/// What an administrator says of a next hop, or of the route that leads to it.
schedule::DestinationState Dispatcher::stateLaidOn(const std::string& key, const config::RouteRule* rule) const {
  const auto laid = env_.queue.destinations().find(key);
  Hold hold = laid == env_.queue.destinations().end() ? Hold::none : laid->second;
  if (hold == Hold::none && rule != nullptr) hold = env_.queue.laidOn(Queue::kRoute, rule->domain);
  return hold == Hold::none   ? schedule::DestinationState::active
         : hold == Hold::held ? schedule::DestinationState::held
                              : schedule::DestinationState::frozen;
}

void Dispatcher::heedHolds() {
  for (const auto& [key, hop] : hops_) {
    if (schedule::Destination* const there = env_.scheduler.find(key)) there->setAdministrative(stateLaidOn(key, hop.rule));
  }
  pump();
}

void Dispatcher::pump() {
  if (draining_ || env_.ledger.stuck() || env_.queue.isStopped() || env_.queue.isOutboundStopped() || std::exchange(pumping_, true)) return;
  while (const auto start = env_.scheduler.start(env_.now())) scope_.spawn(send(*start));
  pumping_ = false;
  if (env_.scheduler.nextStart() < nextStart_) scheduleChanged_.set();
}

void Dispatcher::deferWaiting(const std::string& key) {
  if (deferring_.insert(key).second) scope_.spawn(deferPiecewise(key));
}

/// As long as it does not answer. A host that was silent for minutes has the whole queue in line; other hosts' mail goes on meanwhile.
Task<void> Dispatcher::deferPiecewise(std::string key) {
  while (true) {
    schedule::Destination* const destination = env_.scheduler.find(key);
    const bool rests = destination != nullptr && destination->state(env_.now()) == schedule::DestinationState::retry;
    const std::vector<Id128> some = rests ? destination->take(kDeferredAtOnce) : std::vector<Id128>();
    for (const Id128& id : some) {
      std::vector<Outcome> outcomes;
      const std::vector<std::uint32_t> leg = takeLeg(*destination, id, SIZE_MAX);
      const Message* const message = env_.queue.find(id);
      if (message == nullptr || message->hold == Hold::held) continue;  // whoever releases it wakes it
      for (const std::uint32_t recipient : leg) {
        Outcome outcome;
        outcome.recipient = recipient;
        outcome.isRemote = true;
        outcome.reply = {451, "4.4.1", "Not tried, the host does not answer: " + destination->lastReply};
        outcomes.push_back(std::move(outcome));
      }
      if (!outcomes.empty()) settle(id, std::move(outcomes));
    }
    if (!rests || destination->waiting() == 0) break;
    co_await env_.loop.yield();
  }
  deferring_.erase(key);
}

bool Dispatcher::isInLine(const Message& message, std::uint32_t line) const {
  const auto kept = longEnvelopes_.find(message.id);
  if (kept != longEnvelopes_.end()) return kept->second.lines.contains(line);
  return std::any_of(message.recipients.begin(), message.recipients.end(), [line](const RecipientNow& one) { return one.line == line; });
}

/// Takes recipients that wait for that destination out of their line; the message stays in it while there are more.
std::vector<std::uint32_t> Dispatcher::takeLeg(schedule::Destination& destination, const Id128& id, std::size_t most) {
  std::vector<std::uint32_t> which;
  Message* const message = env_.queue.find(id);
  if (message == nullptr) return which;
  bool hasMore = false;
  for (std::uint32_t at = 0; at < message->recipients.size() && !hasMore; ++at) {
    RecipientNow& recipient = message->recipients[at];
    if (recipient.line != destination.number()) continue;
    hasMore = which.size() == most;
    if (hasMore) continue;
    which.push_back(at);
    recipient.line = 0;
  }
  const auto kept = longEnvelopes_.find(id);
  if (hasMore) {
    const bool isKept = kept != longEnvelopes_.end();
    env_.scheduler.push(destination, isKept ? senderOf(kept->second.facts->record) : 0, id, isKept ? kept->second.facts->record.handling.priority : std::int8_t{0});
    return which;
  }
  if (kept == longEnvelopes_.end()) return which;
  kept->second.lines.erase(destination.number());
  if (kept->second.lines.empty()) longEnvelopes_.erase(kept);
  return which;
}

Task<void> Dispatcher::send(schedule::Start start) {
  schedule::Destination* const destination = start.destination;
  const Id128 id = start.message;
  std::vector<std::uint32_t> which = takeLeg(*destination, id);
  Message* message = env_.queue.find(id);
  std::erase_if(which, [message](std::uint32_t at) {
    return message == nullptr || at >= message->recipients.size() || message->recipients[at].state != RecipientState::pending;
  });
  const Hop hop = hops_[destination->key()];
  const config::RetrySchedule retry = route::retryFor(*env_.config, hop.rule, "");
  if (which.empty() || message->hold != Hold::none) {
    env_.scheduler.finished(start, schedule::HostVerdict::notAsked, env_.now(), retry.first, retry.first);
    co_return;
  }
  const Result<Facts> facts = factsOf(*message);
  for (const std::uint32_t at : which) message->recipients[at].inFlight = facts.has_value();
  const bool isSenderStopped = facts && env_.queue.laidOn(Queue::kSender, (*facts)->record.reversePath) != Hold::none;
  if (isSenderStopped) {  // since it came into line; whoever takes the word back wakes everything
    for (const std::uint32_t at : which) message->recipients[at].inFlight = false;
  }
  if (!facts) wakeWhenReadable(id);
  if (!facts || isSenderStopped) {
    env_.scheduler.finished(start, schedule::HostVerdict::notAsked, env_.now(), retry.first, retry.first);
    co_return;
  }
  ++sending_;
  std::vector<Outcome> outcomes = co_await dialogue(id, *facts, hop, which);
  --sending_;
  schedule::HostVerdict verdict = schedule::HostVerdict::noAnswer;
  for (const Outcome& outcome : outcomes) {
    if (!outcome.by.empty() || outcome.state != RecipientState::pending) verdict = schedule::HostVerdict::answered;
    if (!outcome.isRemote) verdict = schedule::HostVerdict::notAsked;
  }
  // A short rest at first: a host that restarts is back within a minute; it grows to the first retry interval.
  const std::chrono::seconds pause = std::min(std::chrono::seconds(60), retry.first);
  if (verdict == schedule::HostVerdict::noAnswer) destination->lastReply = report::oneLine(outcomes.front().reply);
  env_.scheduler.finished(start, verdict, env_.now(), pause, retry.first);
  settle(id, std::move(outcomes));
  if (destination->state(env_.now()) == schedule::DestinationState::retry) deferWaiting(destination->key());
  if (draining_) scheduleChanged_.set();
  pump();
}

Task<std::vector<Outcome>> Dispatcher::dialogue(Id128 id, Facts facts, Hop hop, std::vector<std::uint32_t> which) {
  std::vector<Outcome> outcomes(which.size());
  for (std::size_t at = 0; at < which.size(); ++at) {
    outcomes[at].recipient = which[at];
    outcomes[at].countsAsAttempt = false;
    outcomes[at].reply = {451, "4.3.0", "The sending process is not there"};
  }
  const MessageRecord& record = facts->record;
  ipc::Deliver request;
  std::vector<UniqueFd> descriptors;
  if (facts->content && facts->content->size() <= kWithRequest) {
    request.prefix = *facts->content;
  } else {
    const Message* message = env_.queue.find(id);
    Result<ContentRange> range = message == nullptr ? Result<ContentRange>(fail(Error::Kind::notFound, "the message is gone"))
                                                    : contentRange(env_, *message);
    if (!range) {
      for (Outcome& outcome : outcomes) outcome.reply.text = "The message cannot be read: " + range.error().detail;
      co_return outcomes;
    }
    request.offset = range->offset;
    request.length = range->length;
    descriptors.push_back(std::move(range->fd));
  }
  request.queueId = id.text();
  request.virtualServer = record.origin.virtualServer;
  request.nextHop = hop.nextHop;
  const config::VirtualServer& server = policy::serverOf(*env_.config, record.origin.virtualServer);
  const std::string& suite = env_.config->outbound.heloName.empty() ? env_.config->hostName : env_.config->outbound.heloName;
  request.heloName = server.heloName.empty() ? suite : server.heloName;
  if (server.sourceV4) request.sourceV4 = server.sourceV4->text();
  if (server.sourceV6) request.sourceV6 = server.sourceV6->text();
  request.messagesPerConnection = hop.rule == nullptr ? 0 : hop.rule->pace.messagesPerConnection;
  request.hasEightBit = record.hasEightBit;
  request.utf8Header = record.utf8Header;
  request.envelope.reversePath = record.reversePath;
  request.envelope.envid = record.envid;
  request.envelope.returnFull = record.returnFull;
  request.envelope.smtpUtf8 = record.smtpUtf8;
  request.envelope.eightBit = record.eightBit;
  request.envelope.binary = record.binary;
  request.envelope.handling = record.handling;
  for (const std::uint32_t at : which) request.envelope.recipients.push_back(record.recipients[at].recipient);
  const Deadline deadline = Deadline::after(kDialogueMost);
  auto answer = co_await out_.callWithDescriptors(std::move(request), std::move(descriptors), deadline);
  if (!answer && answer.error().kind == Error::Kind::closed && isPoison(id)) {
    for (Outcome& outcome : outcomes) {
      outcome.countsAsAttempt = true;
      outcome.bySchedule = true;
      outcome.reply = {451, "4.3.0", "The sending process ended again and again while it had this message"};
    }
  }
  if (!answer || answer->message.recipients.size() != which.size()) co_return outcomes;
  losses_.erase(id);
  keepTranscript(id, answer->message);
  for (std::size_t at = 0; at < which.size(); ++at) {
    ipc::RecipientOutcome& from = answer->message.recipients[at];
    Outcome& to = outcomes[at];
    to.countsAsAttempt = true;
    to.isRemote = true;
    to.by = std::move(from.remoteHost);
    to.reply = std::move(from.reply);
    to.dsnPassedOn = from.dsnPassedOn;
    to.state = from.state == ipc::RecipientOutcome::State::delivered ? RecipientState::delivered
               : from.state == ipc::RecipientOutcome::State::failed  ? RecipientState::failed
                                                                     : RecipientState::pending;
  }
  co_return outcomes;
}

/// Role out was lost while it had the message. Once or twice is an accident; a message that does it to it each time must wait its
/// interval, or nobody else's mail would get through.
bool Dispatcher::isPoison(const Id128& id) {
  if (losses_.size() >= kHopsKept) losses_.clear();
  if (++losses_[id] < kLossesMost) return false;
  env_.log.error("poison", {{"id", id.text()}, {"reason", "role out was lost while it had this message"}, {"times", std::uint64_t{losses_[id]}}});
  losses_.erase(id);
  return true;
}

/// With the message while it waits; a refusal for good ends it here, so that goes into its history.
void Dispatcher::keepTranscript(const Id128& id, const ipc::DeliverOutcome& outcome) {
  using State = ipc::RecipientOutcome::State;
  if (outcome.transcript.empty()) return;
  const auto isFailed = [](const ipc::RecipientOutcome& one) { return one.state == State::failed; };
  if (std::any_of(outcome.recipients.begin(), outcome.recipients.end(), isFailed)) env_.history.noteTranscript(id, env_.now(), outcome.transcript);
  env_.queue.keepTranscript(id, {env_.now(), outcome.transcript});
}

/// Asks the peers that carry the domain with us, and puts the recipient in line for the one that has it.
Task<void> Dispatcher::sendToPeer(Id128 id, Facts facts, std::uint32_t recipient, route::Route route) {
  const std::shared_ptr<const config::Config> config = env_.config;  // the rule is its
  ++running_;
  const Finding finding = co_await env_.verifier.find(route, facts->record.recipients[recipient].recipient.forwardPath);
  endRunning();
  if (env_.queue.find(id) == nullptr) co_return;
  if (finding.kind == Finding::Kind::notThere) {
    refuse(id, recipient, finding.reply);
    co_return;
  }
  if (finding.peer && config == env_.config) {
    route.nextHop = *finding.peer;
    queueForHop(id, facts, recipient, route);
    pump();
    co_return;
  }
  Outcome outcome;
  outcome.recipient = recipient;
  outcome.isRemote = true;
  outcome.reply = finding.reply;
  if (finding.peer) {  // the peers may be others now: they are asked again at once
    outcome.countsAsAttempt = false;
    outcome.reply = {451, "4.3.5", "The configuration was changed while the peers were asked"};
  }
  std::vector<Outcome> outcomes;
  outcomes.push_back(std::move(outcome));
  settle(id, std::move(outcomes));
}

// ---- mail that waits in line: for ETRN, behind a frozen host, for its turn

bool Dispatcher::isForEtrn(std::string_view key) { return key.starts_with(kAsleep); }

bool Dispatcher::isAsleep(const config::RouteRule* rule, WallTime arrived) const {
  if (rule == nullptr || !rule->etrn.hold) return false;
  return rule->etrn.holdFor.count() == 0 || env_.now() < arrived + rule->etrn.holdFor;
}

std::optional<std::size_t> Dispatcher::wakeDomain(std::string_view node) {
  const bool andBelow = node.starts_with('@');
  const std::string domain(andBelow ? node.substr(1) : node);
  const auto isAsked = [&](const std::string& pattern) {
    return route::matchesDomain(pattern, domain) || (andBelow && route::matchesDomain("." + domain, pattern));
  };
  bool isHeld = false;
  for (const config::RouteRule& rule : env_.config->routes) {
    if (!rule.etrn.hold || !isAsked(rule.domain)) continue;
    isHeld = true;
    awake_[asciiLower(rule.domain)] = env_.now() + rule.etrn.open;
  }
  if (!isHeld) return std::nullopt;
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
  return waiting;
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

void Dispatcher::routeAgain(const Id128& id) {
  Message* const message = env_.queue.find(id);
  if (message == nullptr) return;
  for (RecipientNow& recipient : message->recipients) recipient.line = 0;
  longEnvelopes_.erase(id);
  MarkRecord mark;
  mark.id = id;
  mark.kind = MarkRecord::Kind::due;
  mark.due = env_.now();
  env_.ledger.note(mark);
  env_.queue.apply(mark);
  wakeSoon(id);
}

std::string Dispatcher::waitReason(const Message& message, std::uint32_t recipient) const {
  const RecipientNow& now = message.recipients[recipient];
  if (message.hold == Hold::held) return "is held by an administrator";
  if (message.hold == Hold::frozen) return "is frozen by an administrator";
  if (now.inFlight) return "is being delivered";
  if (env_.queue.isStopped()) return "waits: all delivery is stopped by an administrator";
  const std::string said = env_.queue.lastReplyOf(message, recipient);
  const std::string last = said.empty() ? std::string() : "; last reply: " + said;
  const schedule::Destination* const destination = destinationOf(message, recipient);
  if (destination == nullptr) {
    const MessageRecord record = env_.queue.unpack(message);
    if (env_.queue.laidOn(Queue::kSender, record.reversePath) != Hold::none) return "waits: its sender is frozen by an administrator";
    if (now.attempts == 0 && now.due > env_.now() && record.handling.holdUntil > env_.now()) {
      return "is held for " + std::to_string((now.due - env_.now()) / std::chrono::seconds(1)) + " s more, as its sender asked (RFC 4865)";
    }
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.due - env_.now()).count();
    return seconds <= 0 ? "is due" + last : "waits " + std::to_string(seconds) + " s for its next attempt" + last;
  }
  if (env_.queue.isOutboundStopped()) return "waits: all outbound mail is stopped by an administrator";
  const std::string hop = " for " + destination->key();
  switch (destination->state(env_.now())) {
    case schedule::DestinationState::frozen:
    case schedule::DestinationState::held: return "waits" + hop + ", which an administrator has stopped";
    case schedule::DestinationState::asleep: return "waits" + hop + " until its server asks with ETRN, or for the hours of its route";
    case schedule::DestinationState::retry: return "waits" + hop + ", which does not answer: " + destination->lastReply;
    case schedule::DestinationState::active: break;
  }
  return "waits in line" + hop + ": " + std::to_string(destination->running()) + " of " + std::to_string(destination->window()) +
         " deliveries run, " + std::to_string(destination->waiting()) + " wait";
}

/// What waits in a line is in no schedule; so now and then the lines are asked for what has waited long enough: it expires, or goes
/// out although nobody asked for it.
void Dispatcher::endWaits() {
  const WallTime now = env_.now();
  if (now >= waitsLookedAt_ && now < waitsLookedAt_ + kLookAtWaits) return;
  waitsLookedAt_ = now;
  for (const auto& [key, destination] : env_.scheduler.destinations()) {
    if (destination->waiting() == 0) continue;
    const Hop hop = hops_[key];
    const config::RetrySchedule retry = route::retryFor(*env_.config, hop.rule, "");
    const bool isEtrn = isForEtrn(key);
    if (!isEtrn && hop.rule != nullptr && !hop.rule->pace.hours.empty()) destination->wakeUntil(openUntil(*hop.rule, now));
    const auto isOver = [&](const Id128& id) {
      const Message* const message = env_.queue.find(id);
      if (message == nullptr) return true;
      if (message->hold == Hold::held) return false;
      return schedule::expired(scheduleOf(retry, *message, message->arrived), message->arrived, now) || (isEtrn && !isAsleep(hop.rule, message->arrived));
    };
    for (const Id128& id : destination->takeFromFront(isOver)) {
      const std::vector<std::uint32_t> line = takeLeg(*destination, id, SIZE_MAX);
      const Message* const message = env_.queue.find(id);
      if (message == nullptr || line.empty()) continue;
      if (!schedule::expired(scheduleOf(retry, *message, message->arrived), message->arrived, now)) {
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
}

const schedule::Destination* Dispatcher::destinationOf(const Message& message, std::uint32_t recipient) const {
  const std::uint32_t line = message.recipients[recipient].line;
  for (const auto& [key, destination] : env_.scheduler.destinations()) {
    if (line != 0 && destination->number() == line) return destination.get();
  }
  return nullptr;
}

}  // namespace ostler::spool
