#include "queued/spool/dispatcher.h"

#include <utility>

#include "libmailcore/base/ascii.h"
#include "libmailcore/directory/names.h"
#include "libmailcore/message/received.h"
#include "queued/deliver/folder.h"
#include "queued/spool/badmail.h"
#include "queued/spool/contents.h"

namespace ostler::spool {

namespace {

/// Deliveries under way at once of what was due, those to next hops aside: what bounds the contents held for them.
constexpr std::size_t kMostRunning = 2000;
/// Those of new mail among them: it does not wait for a backlog.
constexpr std::size_t kMostWithNew = 4000;
/// Some milliseconds: so long everybody else's mail waits.
constexpr std::size_t kLooksPerTurn = 100;
/// Changes that the schedule index has not got yet, beyond which nothing more is looked at: each of them is held in memory.
constexpr std::size_t kChangesAhead = 50'000;
/// Recipients of one message that are looked at together; the others have their turn when there is room again.
constexpr std::size_t kRecipientsPerLook = 1000;
/// Of those, how many are asked for one after the other.
constexpr std::size_t kResolvedInTurn = 100;
/// How soon we look again when the hindrance is on our side: the directory away, outcomes not writable.
constexpr std::chrono::seconds kSoon{5};

/// Several mailboxes behind one recipient: the recipient is done when all are.
struct Joint {
  std::size_t missing = 0;
  std::size_t stored = 0;
  std::vector<Outcome::Part> others;
  Outcome worst;

  /// When all have said what became of it.
  [[nodiscard]] Outcome take() {
    if (stored > 0) worst.missing = std::move(others);
    return std::move(worst);
  }
};

bool isWorse(const Outcome& a, const Outcome& b) {
  const auto rank = [](const Outcome& o) { return o.state == RecipientState::pending ? 2 : o.state == RecipientState::failed ? 1 : 0; };
  return rank(a) > rank(b);
}

}  // namespace

Dispatcher::Dispatcher(Environment& env, std::string outSocket)
    : env_(env),
      out_(env.loop, std::move(outSocket)),
      programs_(env.loop, env.config->socketPath("programs")),
      scheduleChanged_(env.loop),
      scope_(env.loop) {}

Dispatcher::~Dispatcher() { scope_.cancelAll(); }

void Dispatcher::start() {
  scheduleAll();
  tellUnknownAttempts();
  outAway_ = true;  // until it has answered
  if (wasClockAhead()) scope_.spawn(bringBack());
  scope_.spawn(awaitOut());
  scope_.spawn(watchSchedule());
}

/// Anew, from what the queue says: so what was woken again and again meanwhile is in the schedule once.
void Dispatcher::scheduleAll() {
  std::vector<schedule::Scheduler::Due> all;
  all.reserve(env_.queue.messages().size());
  for (const auto& [id, message] : env_.queue.messages()) {
    const WallTime due = message.hold != Hold::held ? std::min(message.due(), message.extra().deadline()) : WallTime::max();
    if (due != WallTime::max()) all.push_back({due, id});
  }
  env_.scheduler.wakeOnly(std::move(all));
}

Task<void> Dispatcher::watchSchedule() {
  while (true) {
    std::size_t looked = 0;
    if (wasClockSetBack()) scope_.spawn(bringBack());
    if (env_.scheduler.scheduled() > 2 * env_.queue.messages().size() + kChangesAhead) scheduleAll();
    while (mayLook() && looked < kLooksPerTurn) {
      const std::optional<Id128> id = env_.scheduler.takeDue(env_.now());
      if (!id) break;
      looked += std::max<std::size_t>(look(*id), 1);
    }
    pump();  // what may start starts, before what has waited for too long ends
    endWaits();
    pump();
    if (looked >= kLooksPerTurn) {
      co_await env_.loop.yield();
      continue;
    }
    const bool isQueueQuiet = env_.queue.messages().empty() && env_.queue.changedCount() == 0;  // what changes that resumes us
    // While mail waits not longer than this, so that a clock that was set forward is noticed, and a host that rested is asked again.
    std::chrono::nanoseconds pause = isQueueQuiet ? std::chrono::hours(24) : std::chrono::seconds(5);
    if (env_.queue.changedCount() >= kChangesAhead) {
      pause = std::chrono::milliseconds(20);
    } else if (mayLook() && env_.scheduler.nextDue() != WallTime::max()) {
      const auto untilDue = env_.scheduler.nextDue() - env_.now();
      pause = std::clamp<std::chrono::nanoseconds>(untilDue, std::chrono::milliseconds(1), pause);
    }
    waitsForRoom_ = running_ >= kMostRunning;
    nextStart_ = env_.scheduler.nextStart();
    if (nextStart_ != WallTime::max()) {
      pause = std::clamp<std::chrono::nanoseconds>(nextStart_ - env_.now(), std::chrono::milliseconds(1), pause);
    }
    const Result<void> changed = co_await scheduleChanged_.wait(Deadline::after(pause));
    (void)changed;
  }
}

bool Dispatcher::mayLook() const {
  const bool isHeld = env_.queue.laidOn(Queue::kEverything, {}) == Hold::held;  // frozen: its time goes on
  return !draining_ && running_ < kMostRunning && !isHeld && env_.queue.changedCount() < kChangesAhead;
}

void Dispatcher::endRunning() {
  --running_;
  if (running_ < kMostRunning / 4 * 3 && std::exchange(waitsForRoom_, false)) scheduleChanged_.set();
}

void Dispatcher::wake(const Id128& id) {
  if (running_ >= kMostWithNew || draining_ || env_.queue.isStopped()) {
    env_.scheduler.wakeAt(WallTime{}, id);  // before what has been due for long
    waitsForRoom_ = running_ >= kMostRunning;
    return;
  }
  (void)look(id);
  pump();
}

void Dispatcher::wakeSoon(const Id128& id) {
  env_.scheduler.wakeAt(env_.now(), id);
  scheduleChanged_.set();
}

void Dispatcher::remove(const Id128& id) {
  const Message* message = env_.queue.find(id);
  if (message == nullptr) return;
  const bool large = message->large;
  longEnvelopes_.erase(id);
  MarkRecord mark;
  mark.id = id;
  mark.kind = MarkRecord::Kind::removed;
  env_.note(mark);
  env_.log.info("deleted", {{"id", id.text()}});
  env_.history.note(id, env_.now(), "deleted");
  if (env_.queue.find(id) == nullptr) ended(id, large);
}

void Dispatcher::expire(const Id128& id) {
  // Who is under way, and is not delivered now, is not tried again; and a restart before the report is made does not forget it.
  MarkRecord mark;
  mark.id = id;
  mark.kind = MarkRecord::Kind::expiry;
  mark.due = env_.now();
  env_.note(mark);
  giveUp(id, {554, "5.4.7", "Taken out of the queue by the administrator"});
}

/// Ends what is not under way as failed; its sender is told, with what the last attempt said.
void Dispatcher::giveUp(const Id128& id, const ipc::SmtpReply& why) {
  Message* message = env_.queue.find(id);
  if (message == nullptr) return;
  std::vector<Outcome> outcomes;
  const std::vector<std::string> replies = env_.queue.lastRepliesOf(*message);
  for (std::uint32_t at = 0; at < message->recipients.size(); ++at) {
    RecipientNow& recipient = message->recipients[at];
    if (recipient.state != RecipientState::pending || recipient.inFlight) continue;
    Outcome outcome;
    outcome.recipient = at;
    outcome.state = RecipientState::failed;
    outcome.reply = why;
    outcome.reply.text += ". The last reason: " + (replies[at].empty() ? "none" : replies[at]);
    recipient.inFlight = true;
    recipient.line = 0;
    outcomes.push_back(std::move(outcome));
  }
  longEnvelopes_.erase(id);
  if (!outcomes.empty()) settle(id, std::move(outcomes));
}

/// A record that cannot be read names nobody: nothing is concluded from it, its message waits for the index to be made anew.
Result<Dispatcher::Facts> Dispatcher::factsOf(Message& message) {
  if (message.extra().fresh) return message.extra().fresh;
  const auto kept = longEnvelopes_.find(message.id);
  const bool isKept = kept != longEnvelopes_.end() && kept->second.facts->record.recipients.size() == message.recipients.size();
  if (isKept) return kept->second.facts;
  Result<MessageRecord> record = env_.queue.read(message);
  if (!record) {
    env_.log.error("message-unreadable", {{"id", message.id.text()}, {"reason", record.error().detail}});
    return fail(record.error());
  }
  return std::make_shared<const Fresh>(Fresh{std::move(*record), nullptr});
}

void Dispatcher::wakeWhenReadable(const Id128& id) { env_.scheduler.wakeAt(env_.now() + kUnreadable, id); }

std::vector<Dispatcher::Asked> Dispatcher::asked(const MessageRecord& record, std::span<const std::uint32_t> which) {
  std::vector<Asked> paths;
  for (const std::uint32_t at : which) paths.push_back({at, record.recipients[at].recipient.forwardPath});
  return paths;
}

/// How many recipients it took in hand.
std::size_t Dispatcher::look(const Id128& id) {
  Message* message = env_.queue.find(id);
  if (message == nullptr || message->hold == Hold::held || draining_) return 0;
  const WallTime now = env_.now();
  if (env_.ledger.stuck()) {
    env_.scheduler.wakeAt(now + kSoon, id);
    return 0;
  }
  const bool isOver = message->extra().deadline() <= now;
  if (isOver && !factsOf(*message)) {
    wakeWhenReadable(id);
    return 0;
  }
  if (isOver && !isForHeld(*message, **factsOf(*message))) {
    const bool isBySender = message->extra().giveBackAt <= now;
    giveUp(id, {554, "5.4.7", isBySender ? "Not delivered in the time that its sender gave (RFC 2852)" : "Delivery time expired"});
    return 0;
  }
  std::vector<std::uint32_t> which;
  for (std::uint32_t at = 0; at < message->recipients.size() && which.size() < kRecipientsPerLook; ++at) {
    const RecipientNow& recipient = message->recipients[at];
    if (recipient.isIdle() && recipient.due <= now) which.push_back(at);
  }
  if (which.empty()) {
    tellLateInLine(*message);
    reschedule(id);
    return 0;
  }
  const Result<Facts> readable = factsOf(*message);
  if (!readable) {
    wakeWhenReadable(id);
    return 0;
  }
  const Facts& facts = *readable;
  // Whoever takes the word back wakes everything.
  const Hold ofSender = env_.queue.laidOn(Queue::kSender, facts->record.reversePath);
  if (ofSender == Hold::held) return 0;
  if (ofSender == Hold::frozen || message->hold == Hold::frozen || env_.queue.isStopped()) {
    letTimePass(*message, facts);
    return 0;
  }
  if (which.size() == kRecipientsPerLook) wakeSoon(id);
  keepEnvelope(*message, facts);
  for (const std::uint32_t at : which) message->recipients[at].inFlight = true;
  const bool isLong = longEnvelopes_.contains(id);
  std::vector<std::uint32_t> slow;
  for (const std::uint32_t at : which) {
    const auto resolution = env_.directory.kept(facts->record.recipients[at].recipient.forwardPath);
    if (resolution) {
      deliver(id, facts, at, *resolution);
    } else {
      slow.push_back(at);
    }
  }
  for (std::span<const std::uint32_t> rest = slow; !rest.empty();) {
    const auto some = rest.first(std::min(rest.size(), kResolvedInTurn));
    ++asking_[id];
    scope_.spawn(routeSlowly(id, isLong ? nullptr : facts, asked(facts->record, some)));
    rest = rest.subspan(some.size());
  }
  return which.size();
}

/// `facts`: null for a message to many, whose record others may have made longer until the answer comes.
Task<void> Dispatcher::routeSlowly(Id128 id, Facts facts, std::vector<Asked> which) {
  running_ += which.size();
  for (const Asked& one : which) {
    const bool isThere = env_.queue.find(id) != nullptr;
    const bool isAddress = isThere && !one.path.starts_with('/') && !one.path.starts_with('|');
    Result<std::shared_ptr<const ipc::Resolution>> resolution = std::make_shared<const ipc::Resolution>();
    if (isAddress) resolution = env_.directory.kept(one.path);
    if (resolution && *resolution == nullptr) resolution = co_await env_.directory.resolve(one.path);
    endRunning();
    Message* const message = env_.queue.find(id);
    if (message == nullptr) continue;
    const Result<Facts> now = facts ? Result<Facts>(facts) : factsOf(*message);
    if (!now) {
      message->recipients[one.recipient].inFlight = false;
      wakeWhenReadable(id);
    } else if (resolution) {
      deliver(id, *now, one.recipient, **resolution);
    } else {
      Outcome outcome;
      outcome.recipient = one.recipient;
      const auto parsed = directory::parseAddress(one.path);
      outcome.reply = {451, "4.3.0", "The directory does not answer"};
      outcome.countsAsAttempt = false;
      if (!parsed) {  // whoever is asked and however often, it leads nowhere
        outcome.state = RecipientState::failed;
        outcome.reply = {553, "5.1.3", parsed.error().detail};
        outcome.countsAsAttempt = true;
      }
      settleOne(id, std::move(outcome));
    }
  }
  if (--asking_[id] == 0) {
    asking_.erase(id);
    dropTogether(id);
  }
  pump();
}

void Dispatcher::deliver(const Id128& id, const Facts& facts, std::uint32_t recipient, const ipc::Resolution& resolution) {
  const RecipientRecord& to = facts->record.recipients[recipient];
  const Origin& origin = facts->record.origin;
  const Message* const message = env_.queue.find(id);
  route::Query query;
  query.forwardPath = to.recipient.forwardPath;
  query.reversePath = facts->record.reversePath;
  query.failures = message == nullptr ? 0 : message->recipients[recipient].attempts;
  query.fromAlias = to.parent != RecipientRecord::kNoParent;
  if (origin.service == "smtp" && origin.user.empty()) query.client = origin.client;
  route::Route route = route::route(*env_.config, query, resolution);
  if (!resolution.nobody.empty()) tellNobodies(id, to.recipient.forwardPath, resolution, origin.virtualServer);
  if (message != nullptr) turnAside(*message, to.recipient.forwardPath, route);
  if (isHeldApart(query.forwardPath, route.kind == route::Route::Kind::remote ? route.nextHop.key() : std::string())) {
    return standAside(id, facts, {&recipient, 1});
  }
  switch (route.kind) {
    case route::Route::Kind::local:
      return route.expansion.empty() ? deliverLocally(id, facts, recipient, route) : expandSoon(id, {recipient, std::move(route)});
    case route::Route::Kind::remote: return queueForHop(id, facts, recipient, route);
    case route::Route::Kind::peers: return scope_.spawn(sendToPeer(id, facts, recipient, route));
    case route::Route::Kind::drop: return drop(id, facts, recipient, route);
    case route::Route::Kind::file: return scope_.spawn(deliverToFile(id, facts, recipient));
    case route::Route::Kind::pipe: return scope_.spawn(deliverToProgram(id, facts, recipient));
    case route::Route::Kind::reject: return refuse(id, recipient, route.reply);
  }
}

/// An alias that names, beside others, whom nobody is. Its owner can mend that, and its senders cannot: they hear nothing.
void Dispatcher::tellNobodies(const Id128& id, const std::string& alias, const ipc::Resolution& resolution, const std::string& virtualServer) {
  constexpr std::size_t kTold = 10;
  const std::size_t told = std::min(resolution.nobody.size(), kTold);
  for (const std::string& member : std::span(resolution.nobody).first(told)) {
    env_.history.note(id, env_.now(), "alias-member-unknown alias=<" + alias + "> member=<" + member + ">");
    env_.log.of(virtualServer).warn("alias-member-unknown", {{"id", id.text()}, {"alias", alias}, {"member", member}});
  }
}

void Dispatcher::refuse(const Id128& id, std::uint32_t recipient, ipc::SmtpReply reply) {
  Outcome outcome;
  outcome.recipient = recipient;
  outcome.state = RecipientState::failed;
  outcome.reply = std::move(reply);
  settleOne(id, std::move(outcome));
}

void Dispatcher::deliverLocally(const Id128& id, const Facts& facts, std::uint32_t recipient, const route::Route& route) {
  if (facts->content) return putIntoMailboxes(id, facts, recipient, route, facts->content);
  std::vector<ToMailboxes>& together = readBacks_[id];
  together.push_back({facts, recipient, route});
  if (together.size() == 1) scope_.spawn(deliverReadBack(id));
}

/// Once for all who came meanwhile: each of many recipients with a copy of its own would be more than memory holds.
Task<void> Dispatcher::deliverReadBack(Id128 id) {
  ++running_;
  const Message* const message = env_.queue.find(id);
  Result<std::shared_ptr<const std::string>> content = std::shared_ptr<const std::string>();
  if (message != nullptr && message->large) {  // the mailboxes take it from its file
    const Result<SoundContent> checked = co_await soundContent(env_, id);
    if (!checked) content = fail(checked.error());
  } else {
    content = co_await readContent(env_, id, UINT64_MAX);
  }
  endRunning();
  const auto together = readBacks_.extract(id);
  for (const ToMailboxes& one : together.mapped()) {
    if (content) {
      putIntoMailboxes(id, one.facts, one.recipient, one.route, *content);
      continue;
    }
    Outcome outcome;
    outcome.recipient = one.recipient;
    outcome.reply = {451, "4.3.0", "The message cannot be read: " + content.error().detail};
    settleOne(id, std::move(outcome));
  }
}

void Dispatcher::putIntoMailboxes(const Id128& id, const Facts& facts, std::uint32_t recipient, const route::Route& route,
                                  const std::shared_ptr<const std::string>& content) {
  const MessageRecord& record = facts->record;
  const auto joint = std::make_shared<Joint>();
  joint->missing = route.locals.size();
  joint->worst.recipient = recipient;
  joint->worst.state = RecipientState::delivered;
  const std::string prefix = message::writeReturnPath(record.reversePath) +
                             message::writeDeliveredTo(record.recipients[recipient].recipient.forwardPath);
  for (const route::LocalTarget& target : route.locals) {
    deliver::Parcel parcel;
    parcel.message = id;
    parcel.mailbox = target.mailbox;
    parcel.prefix = prefix;
    parcel.content = content;
    parcel.size = record.size;
    parcel.internalDate = toUnixMillis(record.arrived) / 1000;
    if (record.large) parcel.file = [&large = env_.large, id] { return large.read(id); };
    ++running_;
    env_.mailboxes.deliver(target.account, std::move(parcel), [this, id, joint, by = target.account.address](deliver::LocalOutcome done) {
      endRunning();
      Outcome outcome;
      outcome.recipient = joint->worst.recipient;
      outcome.state = done.state == deliver::LocalOutcome::State::stored   ? RecipientState::delivered
                      : done.state == deliver::LocalOutcome::State::failed ? RecipientState::failed
                                                                           : RecipientState::pending;
      outcome.reply = std::move(done.reply);
      outcome.by = by;
      if (outcome.state == RecipientState::delivered) {
        ++joint->stored;
      } else {
        joint->others.push_back({by, outcome.reply});
      }
      if (isWorse(outcome, joint->worst) || joint->worst.by.empty()) joint->worst = std::move(outcome);
      if (--joint->missing == 0) settleOne(id, joint->take());
    });
  }
}

void Dispatcher::reschedule(const Id128& id) {
  const Message* message = env_.queue.find(id);
  if (message == nullptr) return;
  letGoOfEnvelope(*message);
  if (message->hold == Hold::held) return;
  // A deadline that has passed was heeded: what is left of it waits for its due time.
  const WallTime deadline = message->extra().deadline();
  const WallTime due = deadline > env_.now() ? std::min(message->due(), deadline) : message->due();
  if (due == WallTime::max()) return;
  const bool isNext = due < env_.scheduler.nextDue();
  env_.scheduler.wakeAt(due, id);
  if (isNext) scheduleChanged_.set();
}

}  // namespace ostler::spool
