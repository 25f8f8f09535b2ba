// next_hops.cc - the Dispatcher's way to other hosts: into line for a next hop, and the dialogue that role out has for us. What
// happens to mail while it stands in line: in_line.cc.
#include <fmt/format.h>

#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/ipc/sending.h"
#include "queued/policy/policy.h"
#include "queued/schedule/retry.h"
#include "queued/spool/contents.h"
#include "queued/spool/dispatcher.h"

namespace ostler::spool {

namespace {

/// An hour is more than RFC 5321 4.5.3.2 adds up to for a large message; then role out has lost us.
constexpr std::chrono::hours kDialogueMost{1};

/// One that is shutting down still holds its socket, and answers at once; of one that is gone the next life answers.
constexpr std::chrono::minutes kOutAsked{1};
constexpr std::chrono::milliseconds kOutAskedAgain{100};

constexpr std::size_t kHopsKept = 10'000;

constexpr unsigned kLossesMost = 3;
constexpr std::chrono::milliseconds kSettlesAsked{20};

std::uint64_t concurrencyOf(const config::Config& config, const config::RouteRule* rule) {
  const bool hasOwn = rule != nullptr && rule->pace.concurrency != 0;
  return hasOwn ? rule->pace.concurrency : config.outbound.concurrencyPerDestination;
}

Rate rateOf(const config::Config& config, const config::RouteRule* rule) {
  if (rule != nullptr && rule->pace.rate.count != 0) return rule->pace.rate;
  if (rule != nullptr && rule->pace.perMinute != 0) return {rule->pace.perMinute, std::chrono::minutes(1)};
  return config.outbound.ratePerDestination;
}

std::uint64_t senderOf(const MessageRecord& record) {
  return std::hash<std::string>{}(record.origin.user.empty() ? record.reversePath : record.origin.user);
}

}  // namespace

void Dispatcher::queueForHop(const Id128& id, const Facts& facts, std::uint32_t recipient, const route::Route& route) {
  Message* message = env_.queue.find(id);
  if (message == nullptr) return;
  const bool asleep = isAsleep(route.rule, message->arrived);
  // Domains whose server is the same one are called for one by one.
  const std::string key = (asleep ? std::string(kAsleep) + asciiLower(route.rule->domain) + ":" : std::string()) + route.nextHop.key();
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
  // Also where there are none: a route's hours may have been taken back while its mail stood in line.
  if (!asleep) destination.wakeUntil(route.rule == nullptr ? WallTime::max() : openUntil(*route.rule, env_.now()));
  standInLine(id, facts, destination, {&recipient, 1});
  // A host that does not answer is not asked for each message: what is due meanwhile is deferred with what was found last.
  if (destination.isSilent(env_.now())) deferWaiting(destination.key());
}

void Dispatcher::standInLine(const Id128& id, const Facts& facts, schedule::Destination& destination, std::span<const std::uint32_t> which) {
  Message* const message = env_.queue.find(id);
  if (message == nullptr) return;
  if (!isInLine(*message, destination.number())) env_.scheduler.push(destination, senderOf(facts->record), id, facts->record.handling.priority);
  for (const std::uint32_t at : which) {
    message->recipients[at].inFlight = false;
    message->recipients[at].line = destination.number();
  }
  if (LongEnvelope* const kept = keepEnvelope(*message, facts)) kept->lines.insert(destination.number());
  const WallTime deadline = message->extra().deadline();
  if (deadline != WallTime::max()) env_.scheduler.wakeAt(deadline, id);  // what waits in line is in no schedule otherwise
  if (facts->record.handling.by == ipc::Handling::By::notify && !message->delayTold) env_.scheduler.wakeAt(facts->record.handling.deliverBy, id);
}

/// What an administrator says of a next hop, or of the route that leads to it.
schedule::DestinationState Dispatcher::stateLaidOn(const std::string& key, const config::RouteRule* rule) const {
  const auto laid = env_.queue.destinations().find(key);
  Hold hold = laid == env_.queue.destinations().end() ? Hold::none : laid->second;
  if (hold == Hold::none && rule != nullptr) hold = env_.queue.laidOn(Queue::kRoute, rule->domain);
  if (hold == Hold::none && key.starts_with("mx:")) hold = env_.queue.laidOn(Queue::kDomain, std::string_view(key).substr(3));
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
  if (draining_ || env_.ledger.stuck() || env_.queue.isStopped() || env_.queue.isOutboundStopped() || outAway_ || std::exchange(pumping_, true)) return;
  while (const auto start = env_.scheduler.start(env_.now())) scope_.spawn(send(*start));
  pumping_ = false;
  if (env_.scheduler.nextStart() < nextStart_) scheduleChanged_.set();
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
  if (kept->second.lines.empty() && !message->anyInFlight()) longEnvelopes_.erase(kept);
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
    if (!which.empty()) wakeSoon(id);  // frozen since: its time goes on
    co_return;
  }
  const Result<Facts> facts = factsOf(*message);
  for (const std::uint32_t at : which) message->recipients[at].inFlight = facts.has_value();
  const bool isSenderStopped = facts && env_.queue.laidOn(Queue::kSender, (*facts)->record.reversePath) != Hold::none;
  if (isSenderStopped) {  // since it came into line; whoever takes the word back wakes everything
    for (const std::uint32_t at : which) message->recipients[at].inFlight = false;
    wakeSoon(id);
  }
  if (!facts) wakeWhenReadable(id);
  if (facts && !isSenderStopped) setHeldAside(id, *facts, which, destination->key());
  if (!facts || isSenderStopped || which.empty()) {
    env_.scheduler.finished(start, schedule::HostVerdict::notAsked, env_.now(), retry.first, retry.first);
    co_return;
  }
  ++sending_;
  const std::size_t place = env_.underWay.begin(id, env_.now());
  std::vector<Outcome> outcomes = co_await dialogue(id, *facts, hop, which);
  --sending_;
  if (outcomes.empty()) {
    env_.underWay.end(place);
    env_.scheduler.finished(start, schedule::HostVerdict::notAsked, env_.now(), retry.first, retry.first);
    standInLine(id, *facts, *destination, which);
    co_return;
  }
  heedHost(start, outcomes, retry.first);
  settle(id, std::move(outcomes));
  endAttempt(id, place);
  if (destination->isSilent(env_.now())) deferWaiting(destination->key());
  if (draining_) scheduleChanged_.set();
  pump();
}

/// Once its outcome is on disk, whatever report goes with it.
void Dispatcher::endAttempt(const Id128& id, std::size_t place) {
  const Message* const message = env_.queue.find(id);
  if (message != nullptr && message->anySettling()) return scope_.spawn(endWhenSettled(id, place));
  env_.ledger.whenSynced([&underWay = env_.underWay, place] { underWay.end(place); });
}

Task<void> Dispatcher::endWhenSettled(Id128 id, std::size_t place) {
  const Message* message = env_.queue.find(id);
  while (message != nullptr && message->anySettling()) {
    co_await env_.loop.sleepUntil(Deadline::after(kSettlesAsked));
    message = env_.queue.find(id);
  }
  env_.ledger.whenSynced([&underWay = env_.underWay, place] { underWay.end(place); });
}

/// What the last life of this process handed to role out, and heard no outcome of: due since before that attempt.
void Dispatcher::tellUnknownAttempts() {
  for (const UnderWay::Attempt& attempt : env_.underWay.takeLeft()) {
    const Message* const message = env_.queue.find(attempt.message);
    if (message == nullptr) continue;
    const bool isOpen = std::any_of(message->recipients.begin(), message->recipients.end(), [&attempt](const RecipientNow& one) {
      return one.state == RecipientState::pending && one.due <= attempt.began;
    });
    if (isOpen) tellUnknownAttempt(attempt.message, attempt.began, "this process ended before it heard the outcome");
  }
}

/// RFC 5321 4.5.3.2.6: the one case in which somebody elsewhere may get a message twice.
void Dispatcher::tellUnknownAttempt(const Id128& id, WallTime began, std::string_view why) {
  const auto seconds = static_cast<std::uint64_t>(std::max<std::int64_t>(toUnixMillis(began) / 1000, 0));
  env_.log.warn("attempt-unknown", {{"id", id.text()}, {"began", seconds}, {"reason", why}, {"effect", "its next hop may get it twice"}});
  env_.history.note(id, env_.now(), fmt::format("attempt-unknown: {}; the attempt began {} s ago and may have delivered it: a second copy is possible",
                                                why, std::max<std::int64_t>((env_.now() - began) / std::chrono::seconds(1), 0)));
}

/// Nothing, when role out is not there and nothing became of it.
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
    Result<SoundContent> content = co_await soundContent(env_, id);
    if (!content) {
      for (Outcome& outcome : outcomes) {
        outcome.countsAsAttempt = true;  // what is damaged stays so: it is not read again every few seconds
        outcome.bySchedule = true;
        outcome.reply.text = "Its content cannot be read, so it is not sent: " + content.error().detail;
      }
      co_return outcomes;
    }
    request.prefix = std::move(content->octets);
    if (request.prefix.empty()) {
      request.offset = content->range.offset;
      request.length = content->range.length;
      descriptors.push_back(std::move(content->range.fd));
    }
  }
  request.queueId = id.text();
  request.virtualServer = record.origin.virtualServer;
  request.nextHop = hop.nextHop;
  const config::VirtualServer& server = policy::serverOrFirst(*env_.config, record.origin.virtualServer);
  const std::string& suite = env_.config->outbound.heloName.empty() ? env_.config->hostName : env_.config->outbound.heloName;
  request.heloName = server.heloName.empty() ? suite : server.heloName;
  if (server.sourceV4) request.sourceV4 = server.sourceV4->text();
  if (server.sourceV6) request.sourceV6 = server.sourceV6->text();
  request.messagesPerConnection = hop.rule == nullptr ? 0 : hop.rule->pace.messagesPerConnection;
  request.hasEightBit = record.hasEightBit;
  request.utf8Header = record.utf8Header;
  request.envelope.reversePath = record.reversePath;
  request.envelope.envid = record.envid;
  request.envelope.returned = record.returned;
  request.envelope.smtpUtf8 = record.smtpUtf8;
  request.envelope.eightBit = record.eightBit;
  request.envelope.binary = record.binary;
  request.envelope.handling = record.handling;
  const Message* const now = env_.queue.find(id);
  const bool isTold = now != nullptr && now->delayTold && record.handling.by == ipc::Handling::By::notify && record.handling.deliverBy <= env_.now();
  if (isTold) request.envelope.handling.by = ipc::Handling::By::told;
  for (const std::uint32_t at : which) request.envelope.recipients.push_back(record.recipients[at].recipient);
  const Deadline deadline = Deadline::after(kDialogueMost);
  const WallTime began = env_.now();
  auto answer = co_await out_.callWithDescriptors(std::move(request), std::move(descriptors), deadline);
  const bool isLost = !answer && answer.error().kind == Error::Kind::closed;
  const bool isRefused = !answer && answer.error().kind == Error::Kind::temporary;  // it is shutting down
  if (isLost) tellUnknownAttempt(id, began, "role out was lost while it had the message");
  if (isLost || isRefused) outIsAway();
  const bool isPoisonous = isLost && isPoison(id);
  if (isRefused || (isLost && !isPoisonous)) co_return std::vector<Outcome>();
  if (isPoisonous) {
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
    to.isOurWord = from.isOurWord;
    to.isToldAgain = from.isToldAgain;
    to.isAnswered = answer->message.someHostAnswered;
    if (from.isOurWord && !from.remoteHost.empty()) from.reply.text += " (next host: " + from.remoteHost + ")";
    to.by = std::move(from.remoteHost);
    to.reply = std::move(from.reply);
    to.dsnPassedOn = from.dsnPassedOn;
    to.byPassedOn = from.byPassedOn;
    to.state = from.state == ipc::RecipientOutcome::State::delivered ? RecipientState::delivered
               : from.state == ipc::RecipientOutcome::State::failed  ? RecipientState::failed
                                                                     : RecipientState::pending;
  }
  co_return outcomes;
}

/// What it had, or refused, stands in line again; nothing is written down, however many wait, for nothing happened to them.
void Dispatcher::outIsAway() {
  if (std::exchange(outAway_, true)) return;
  env_.log.warn("out-away", {{"effect", "mail for other hosts waits for role out"}});
  scope_.spawn(awaitOut());
}

Task<bool> Dispatcher::isOutAnswering(Deadline deadline) {
  const auto ready = co_await out_.call(ipc::IsSendingReady{}, deadline);
  co_return ready.has_value();
}

Task<void> Dispatcher::awaitOut() {
  while (outAway_) {
    const auto ready = co_await out_.call(ipc::IsSendingReady{}, Deadline::after(kOutAsked));
    outAway_ = !ready;
    if (outAway_) co_await env_.loop.sleepUntil(Deadline::after(kOutAskedAgain));
  }
  env_.log.info("out-ready");
  pump();
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
  settleOne(id, std::move(outcome));
}

}  // namespace ostler::spool
