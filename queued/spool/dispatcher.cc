#include "queued/spool/dispatcher.h"

#include <utility>

#include "libmailcore/base/ascii.h"
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
constexpr unsigned kLooksPerTurn = 100;
/// Changes that the schedule index has not got yet, beyond which nothing more is looked at: each of them is held in memory.
constexpr std::size_t kChangesAhead = 50'000;
/// How soon we look again when the hindrance is on our side: the directory away, outcomes not writable.
constexpr std::chrono::seconds kSoon{5};

/// Several mailboxes behind one recipient: the recipient is done when all are.
struct Joint {
  std::size_t missing = 0;
  Outcome worst;
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
  outAway_ = true;  // until it has answered
  scope_.spawn(awaitOut());
  scope_.spawn(watchSchedule());
}

/// Anew, from what the queue says: so what was woken again and again meanwhile is in the schedule once.
void Dispatcher::scheduleAll() {
  std::vector<schedule::Scheduler::Due> all;
  all.reserve(env_.queue.messages().size());
  for (const auto& [id, message] : env_.queue.messages()) {
    const WallTime due = message.hold == Hold::none ? std::min(message.due(), message.extra().deadline()) : WallTime::max();
    if (due != WallTime::max()) all.push_back({due, id});
  }
  env_.scheduler.wakeOnly(std::move(all));
}

Task<void> Dispatcher::watchSchedule() {
  while (true) {
    unsigned looked = 0;
    if (env_.scheduler.scheduled() > 2 * env_.queue.messages().size() + kChangesAhead) scheduleAll();
    while (mayLook() && looked < kLooksPerTurn) {
      const std::optional<Id128> id = env_.scheduler.takeDue(env_.now());
      if (!id) break;
      look(*id);
      ++looked;
    }
    pump();  // what may start starts, before what has waited for too long ends
    endWaits();
    pump();
    if (looked == kLooksPerTurn) {
      co_await env_.loop.yield();
      continue;
    }
    // Not longer than this, so that a clock that was set forward is noticed, and a host that rested is asked again.
    std::chrono::nanoseconds pause = std::chrono::seconds(5);
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
  return !draining_ && running_ < kMostRunning && !env_.queue.isStopped() && env_.queue.changedCount() < kChangesAhead;
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
  look(id);
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

void Dispatcher::look(const Id128& id) {
  Message* message = env_.queue.find(id);
  if (message == nullptr || message->hold != Hold::none || draining_) return;
  const WallTime now = env_.now();
  if (env_.ledger.stuck()) {
    env_.scheduler.wakeAt(now + kSoon, id);
    return;
  }
  if (message->extra().deadline() <= now) {
    if (!factsOf(*message)) return wakeWhenReadable(id);
    const bool isBySender = message->extra().giveBackAt <= now;
    return giveUp(id, {554, "5.4.7", isBySender ? "Not delivered in the time that its sender gave (RFC 2852)" : "Delivery time expired"});
  }
  std::vector<std::uint32_t> which;
  for (std::uint32_t at = 0; at < message->recipients.size(); ++at) {
    const RecipientNow& recipient = message->recipients[at];
    if (recipient.isIdle() && recipient.due <= now) which.push_back(at);
  }
  if (which.empty()) {
    tellLateInLine(*message);
    return reschedule(id);
  }
  const Result<Facts> readable = factsOf(*message);
  if (!readable) return wakeWhenReadable(id);
  const Facts& facts = *readable;
  // Whoever takes the word back wakes everything.
  if (env_.queue.laidOn(Queue::kSender, facts->record.reversePath) != Hold::none) return;
  for (const std::uint32_t at : which) message->recipients[at].inFlight = true;
  std::vector<std::uint32_t> slow;
  for (const std::uint32_t at : which) {
    const auto resolution = env_.directory.kept(facts->record.recipients[at].recipient.forwardPath);
    if (resolution) {
      deliver(id, facts, at, *resolution);
    } else {
      slow.push_back(at);
    }
  }
  if (!slow.empty()) scope_.spawn(routeSlowly(id, facts, std::move(slow)));
}

Task<void> Dispatcher::routeSlowly(Id128 id, Facts facts, std::vector<std::uint32_t> which) {
  ++running_;
  std::vector<Outcome> away;
  for (const std::uint32_t at : which) {
    const std::string& path = facts->record.recipients[at].recipient.forwardPath;
    const bool isAddress = !path.starts_with('/') && !path.starts_with('|');
    Result<std::shared_ptr<const ipc::Resolution>> resolution = std::make_shared<const ipc::Resolution>();
    if (isAddress) resolution = env_.directory.kept(path);
    if (resolution && *resolution == nullptr) resolution = co_await env_.directory.resolve(path);
    if (at % kLooksPerTurn == kLooksPerTurn - 1) co_await env_.loop.yield();  // the whole of a long list at once would hold up everybody
    if (env_.queue.find(id) == nullptr) break;
    if (resolution) {
      deliver(id, facts, at, **resolution);
    } else {
      Outcome outcome;
      outcome.recipient = at;
      outcome.reply = {451, "4.3.0", "The directory does not answer"};
      outcome.countsAsAttempt = false;
      away.push_back(std::move(outcome));
    }
  }
  endRunning();
  if (!away.empty()) settle(id, std::move(away));
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
  if (message != nullptr) turnAside(*message, to.recipient.forwardPath, route);
  switch (route.kind) {
    case route::Route::Kind::local:
      if (!route.expansion.empty()) expand(id, recipient, route);
      if (!route.locals.empty()) deliverLocally(id, facts, recipient, route);
      return;
    case route::Route::Kind::remote: return queueForHop(id, facts, recipient, route);
    case route::Route::Kind::peers: return scope_.spawn(sendToPeer(id, facts, recipient, route));
    case route::Route::Kind::drop: return drop(id, facts, recipient, route);
    case route::Route::Kind::file: return scope_.spawn(deliverToFile(id, facts, recipient));
    case route::Route::Kind::pipe: return scope_.spawn(deliverToProgram(id, facts, recipient));
    case route::Route::Kind::reject: return refuse(id, recipient, route.reply);
  }
}

void Dispatcher::refuse(const Id128& id, std::uint32_t recipient, ipc::SmtpReply reply) {
  Outcome outcome;
  outcome.recipient = recipient;
  outcome.state = RecipientState::failed;
  outcome.reply = std::move(reply);
  std::vector<Outcome> outcomes;
  outcomes.push_back(std::move(outcome));
  settle(id, std::move(outcomes));
}

void Dispatcher::deliverLocally(const Id128& id, const Facts& facts, std::uint32_t recipient, const route::Route& route) {
  if (facts->record.large || facts->content) {
    putIntoMailboxes(id, facts, recipient, route, facts->content);
  } else {
    scope_.spawn(deliverReadBack(id, facts, recipient, route));
  }
}

Task<void> Dispatcher::deliverReadBack(Id128 id, Facts facts, std::uint32_t recipient, route::Route route) {
  ++running_;
  const Result<std::shared_ptr<const std::string>> content = co_await readContent(env_, id, UINT64_MAX);
  endRunning();
  if (content) {
    putIntoMailboxes(id, facts, recipient, route, *content);
    co_return;
  }
  Outcome outcome;
  outcome.recipient = recipient;
  outcome.reply = {451, "4.3.0", "The message cannot be read: " + content.error().detail};
  std::vector<Outcome> outcomes;
  outcomes.push_back(std::move(outcome));
  settle(id, std::move(outcomes));
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
    if (record.large) {
      Result<UniqueFd> file = env_.large.read(id);
      if (file) parcel.file = std::move(*file);
    }
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
      if (isWorse(outcome, joint->worst) || joint->worst.by.empty()) joint->worst = std::move(outcome);
      if (--joint->missing > 0) return;
      std::vector<Outcome> outcomes;
      outcomes.push_back(std::move(joint->worst));
      settle(id, std::move(outcomes));
    });
  }
}

void Dispatcher::reschedule(const Id128& id) {
  const Message* message = env_.queue.find(id);
  if (message == nullptr || message->hold != Hold::none) return;
  // A deadline that has passed was heeded: what is left of it waits for its due time.
  const WallTime deadline = message->extra().deadline();
  const WallTime due = deadline > env_.now() ? std::min(message->due(), deadline) : message->due();
  if (due == WallTime::max()) return;
  const bool isNext = due < env_.scheduler.nextDue();
  env_.scheduler.wakeAt(due, id);
  if (isNext) scheduleChanged_.set();
}

}  // namespace ostler::spool
