// settle.cc - the Dispatcher's second half: what became of recipients is written down, the sender told where it wants to be.
// RFC 3461 5.2, RFC 5321 6.1: a report and the end of what it reports are one batch of the journal.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/crc32c.h"
#include "libmailcore/base/idna.h"
#include "libmailcore/smtp/verdict.h"
#include "libmailcore/ipc/envelope.h"
#include "queued/schedule/retry.h"
#include "queued/spool/acceptance.h"
#include "queued/spool/badmail.h"
#include "queued/spool/contents.h"
#include "queued/spool/dispatcher.h"

namespace ostler::spool {

namespace {

constexpr std::chrono::seconds kSoon{5};
/// In one life of the process, of an undeliverable report: then it goes to badmail/ without its content. STATES.md 13.
constexpr unsigned kReadsMost = 5;
constexpr std::uint64_t kReturnedMost = 256 * 1024;  ///< of a large message read for its report: the header and a good part

using message::DsnAction;

/// Whose words the reply is; empty: ours. RFC 3464 2.3.6.
std::string saidBy(const Outcome& outcome) { return outcome.isRemote && !outcome.isOurWord ? outcome.by : std::string(); }

report::Ending endingOf(const Outcome& outcome, DsnAction action) {
  report::Ending ending;
  ending.recipient = outcome.recipient;
  ending.action = action;
  ending.reply = outcome.reply;
  ending.remoteHost = saidBy(outcome);
  return ending;
}

std::string reasonOf(const report::Ending& ending) { return report::withHost(ending.reply, ending.heard ? std::string() : ending.remoteHost); }

/// What came out of each recipient's alias. Counted when somebody asks, for then all recipients are looked at.
class Children {
 public:
  explicit Children(const MessageRecord& about) : about_(about) {}
  [[nodiscard]] std::size_t of(std::uint32_t recipient) {
    if (counts_.empty()) {
      counts_.resize(about_.recipients.size());
      for (const RecipientRecord& child : about_.recipients) {
        if (child.parent < counts_.size()) ++counts_[child.parent];
      }
    }
    return counts_[recipient];
  }

 private:
  const MessageRecord& about_;
  std::vector<std::uint32_t> counts_;
};

/// The sender wanted to know, and the time it gave is over. RFC 2852 4.
bool isLate(const ipc::Handling& handling, WallTime now) { return handling.by == ipc::Handling::By::notify && handling.deliverBy <= now; }

/// A member of a list is nobody that the sender named.
bool isOfList(const MessageRecord& about, Children& children, std::uint32_t recipient) {
  const std::uint32_t parent = about.recipients[recipient].parent;
  return parent != RecipientRecord::kNoParent && children.of(parent) > 1;
}

/// RFC 2852 4.1.4: of each relay its sender hears who asked to (T), and of one behind which nobody heeds the deadline who wants to know
/// when it passes (N); but for NOTIFY=NEVER.
bool isRelayTold(const MessageRecord& about, Children& children, const Outcome& outcome) {
  const ipc::Handling& handling = about.handling;
  if (handling.by == ipc::Handling::By::none || about.reversePath.empty() || !outcome.isRemote) return false;
  if (isOfList(about, children, outcome.recipient)) return false;
  const bool isUnheeded = !outcome.byPassedOn && handling.by != ipc::Handling::By::giveBack;
  return (handling.byTrace || isUnheeded) && about.recipients[outcome.recipient].recipient.notify != ipc::Recipient::kNotifyNever;
}

void logSettled(const Environment& env, const Message& message, const MessageRecord& about, const Outcome& outcome, std::string_view event,
                const std::string& next) {
  const std::string& path = about.recipients[outcome.recipient].recipient.forwardPath;
  // By which rule the words of somebody else were taken as what they were.
  const bool isJudged = !saidBy(outcome).empty() && event != "delivered";
  const auto judge = event == "deferred" ? smtp::judgeAfterOthers : smtp::judge;
  const std::string rule = isJudged ? fmt::format(" rule={}", judge(outcome.reply.code, outcome.reply.enhanced).rule) : std::string();
  env.history.note(message.id, env.now(),
                   fmt::format("{} to=<{}> by={} reply={} next={}{}{}", event, path, outcome.by, report::oneLine(outcome.reply), next, rule,
                               outcome.isToldAgain ? " in the attempt whose outcome was not heard: no second copy was sent" : ""));
  if (event == "delivered") env.measured.deliveries.add(env.now() - message.arrived);
  const auto level = event == "delivered" ? log::Level::info : log::Level::warn;
  const log::Log log = env.log.of(about.origin.virtualServer);
  if (!log.enabled(level)) return;
  const auto delay = std::chrono::duration_cast<std::chrono::milliseconds>(env.now() - message.arrived).count();
  log.write(level, event,
            {{"id", message.id.text()},
             {"to", path},
             {"by", outcome.by},
             {"delay_ms", std::to_string(delay)},
             {"reply", report::oneLine(outcome.reply)},
             {"next", next}});
}

}  // namespace

const config::RouteRule* Dispatcher::ruleOf(const MessageRecord& record, std::uint32_t recipient, unsigned failures) const {
  const std::string& path = record.recipients[recipient].recipient.forwardPath;
  return route::ruleFor(*env_.config, {.forwardPath = path, .reversePath = record.reversePath, .failures = failures});
}

void Dispatcher::settle(const Id128& id, std::vector<Outcome> outcomes) {
  Message* message = env_.queue.find(id);
  if (message == nullptr) return tellLate(id, outcomes);
  for (const Outcome& outcome : outcomes) {  // until it is written: whoever looked meanwhile would end it twice
    if (outcome.recipient < message->recipients.size()) message->recipients[outcome.recipient].inFlight = message->recipients[outcome.recipient].settles = true;
  }
  if (countTogether(outcomes) < outcomes.size()) return scope_.spawn(settlePiecewise(id, std::move(outcomes)));
  const Result<Facts> readable = factsOf(*message);
  if (!readable) return settleBlindly(id, outcomes);
  const Facts& facts = *readable;
  const MessageRecord& about = facts->record;
  const WallTime now = env_.now();
  // What its sender held back is as old as its release: RFC 4865 5.
  const WallTime began = std::max(message->arrived, about.handling.holdUntil);
  OutcomeRecord record;
  record.id = id;
  std::vector<report::Ending> endings;
  Children children(about);
  for (Outcome& outcome : outcomes) {
    if (outcome.recipient >= message->recipients.size() || outcome.recipient >= about.recipients.size()) continue;
    const RecipientNow& recipient = message->recipients[outcome.recipient];
    std::optional<ipc::SmtpReply> heard;
    OutcomeRecord::Entry entry;
    entry.recipient = outcome.recipient;
    entry.state = outcome.state;
    entry.attempts = recipient.attempts + (outcome.countsAsAttempt ? 1 : 0);
    if (outcome.state == RecipientState::pending && recipient.state == RecipientState::removed) {
      entry.state = RecipientState::removed;  // an administrator took the message away meanwhile
    } else if (outcome.state == RecipientState::pending) {
      const config::RetrySchedule retry = scheduleOf(
          route::retryFor(*env_.config, outcome.isRemote ? ruleOf(about, outcome.recipient, recipient.attempts) : nullptr, about.origin.virtualServer),
          *message, began);
      schedule::Next next = schedule::afterFailure(retry, began, entry.attempts, now);
      if (!outcome.countsAsAttempt) next = {schedule::expired(retry, began, now), now + kSoon};
      if (outcome.isUntried) next = schedule::withoutAttempt(retry, began, now);
      if (!outcome.isRemote && !outcome.bySchedule && !next.gaveUp) next.due = std::min(next.due, now + std::chrono::seconds(60));
      // A deadline is looked at when it has come: RFC 2852 4.
      if (about.handling.by == ipc::Handling::By::giveBack && about.handling.deliverBy <= now) next.gaveUp = true;
      // What an administrator holds does not expire; it is tried once more when it is released.
      if (next.gaveUp && message->hold == Hold::held) next = {false, now};
      if (about.handling.deliverBy > now) next.due = std::min(next.due, about.handling.deliverBy);
      entry.lastReply = report::withHost(outcome.reply, saidBy(outcome));
      if (next.gaveUp) {
        entry.state = RecipientState::failed;
        outcome.state = RecipientState::failed;
        if (!saidBy(outcome).empty()) heard = outcome.reply;
        outcome.reply = {554, "5.4.7", "Delivery time expired. The last reason: " + entry.lastReply};
        outcome.isOurWord = true;
      } else {
        entry.due = next.due;
        logSettled(env_, *message, about, outcome, "deferred", std::to_string((next.due - now) / std::chrono::seconds(1)) + "s");
        if (!message->delayTold && (isLate(about.handling, now) || schedule::delayNoticeDue(retry, began, now))) {
          report::Ending ending = endingOf(outcome, DsnAction::delayed);
          ending.willRetryUntil = began + retry.expiry;
          record.delayTold = true;
          endings.push_back(std::move(ending));
        }
      }
    }
    if (outcome.state == RecipientState::failed && !outcome.missing.empty()) {
      entry.state = RecipientState::delivered;
      entry.lastReply = report::oneLine(outcome.reply);
      for (const Outcome::Part& part : outcome.missing) {
        Outcome one;
        one.recipient = outcome.recipient;
        one.reply = part.reply;
        one.by = part.address;
        logSettled(env_, *message, about, one, "member-failed", "-");
        endings.push_back(endingOf(outcome, DsnAction::failed));
        endings.back().member = part.address;
        endings.back().reply = part.reply.code >= 500 ? part.reply : outcome.reply;
      }
    } else if (outcome.state == RecipientState::failed) {
      entry.lastReply = report::withHost(outcome.reply, saidBy(outcome));
      logSettled(env_, *message, about, outcome, "failed", "-");
      endings.push_back(endingOf(outcome, DsnAction::failed));
      if (heard) {  // RFC 3464 2.3.6: as it said it
        endings.back().remoteHost = outcome.by;
        endings.back().heard = std::move(heard);
      }
    } else if (outcome.state == RecipientState::delivered) {
      logSettled(env_, *message, about, outcome, "delivered", "-");
      // RFC 3461 5.2: delivered here, or handed to a system that does not tell the sender itself.
      const bool relayTold = isRelayTold(about, children, outcome);
      const DsnAction action = outcome.isRemote ? DsnAction::relayed : DsnAction::delivered;
      const bool isTold = relayTold || (!outcome.dsnPassedOn && report::isWanted(about.recipients[outcome.recipient].recipient, action));
      // Of an alias it has heard as expanded: that it reached a mailbox here, too, is no more news.
      if (isTold && children.of(outcome.recipient) == 0) {
        endings.push_back(endingOf(outcome, action));
        endings.back().isAsked = relayTold;
      }
    }
    record.entries.push_back(std::move(entry));
  }
  std::erase_if(endings, [&about](const report::Ending& ending) {
    // A report that cannot be delivered is always kept in badmail/, though it asked for no report.
    const bool isBounce = about.reversePath.empty();
    const bool goesToBadmail = isBounce && ending.action == DsnAction::failed && ending.member.empty();
    return !goesToBadmail && !ending.isAsked && (isBounce || !report::isWanted(about.recipients[ending.recipient].recipient, ending.action));
  });
  if (endings.empty()) return writeDown(record);
  if (about.reversePath.empty()) {
    return scope_.spawn(settleAsBadmail(id, facts, std::move(record), reasonOf(endings.front())));
  }
  if (!mayReportTo(about)) {
    const auto failed = std::find_if(endings.begin(), endings.end(), [](const report::Ending& e) { return e.action == DsnAction::failed; });
    if (failed == endings.end()) return writeDown(record);
    return scope_.spawn(settleAsBadmail(id, facts, std::move(record),
                                        "no report: its sender's domain had as many as it gets in an hour. " +
                                            reasonOf(*failed)));
  }
  scope_.spawn(settleWithReport(id, facts, std::move(record), std::move(endings)));
}

/// What stands in line has no attempt after which its sender would hear that the time it gave is over.
void Dispatcher::tellLateInLine(Message& message) {
  const bool stands = std::any_of(message.recipients.begin(), message.recipients.end(), [](const RecipientNow& one) { return one.waits(); });
  if (!stands || message.delayTold) return;
  const Result<Facts> facts = factsOf(message);
  if (!facts || !isLate((*facts)->record.handling, env_.now())) return;
  const MessageRecord& about = (*facts)->record;
  const WallTime began = std::max(message.arrived, about.handling.holdUntil);
  const config::RetrySchedule retry = scheduleOf(route::retryFor(*env_.config, nullptr, about.origin.virtualServer), message, began);
  const std::vector<std::string> replies = env_.queue.lastRepliesOf(message);
  std::vector<report::Ending> endings;
  for (std::uint32_t at = 0; at < message.recipients.size(); ++at) {
    if (!message.recipients[at].waits() || !report::isWanted(about.recipients[at].recipient, DsnAction::delayed)) continue;
    report::Ending ending;
    ending.recipient = at;
    ending.action = DsnAction::delayed;
    ending.reply = {451, "4.4.7", "It stands in line for its next hop" + (replies[at].empty() ? "" : ". The last reason: " + replies[at])};
    ending.willRetryUntil = began + retry.expiry;
    endings.push_back(std::move(ending));
  }
  if (endings.empty() || about.reversePath.empty() || !mayReportTo(about)) return;
  OutcomeRecord record;
  record.id = message.id;
  record.delayTold = message.delayTold = true;
  scope_.spawn(settleWithReport(message.id, *facts, std::move(record), std::move(endings)));
}

/// Of a message that an administrator took away while it was being delivered: it arrived all the same.
void Dispatcher::tellLate(const Id128& id, const std::vector<Outcome>& outcomes) {
  for (const Outcome& outcome : outcomes) {
    if (outcome.state != RecipientState::delivered) continue;
    env_.history.note(id, env_.now(), fmt::format("delivered although deleted meanwhile by={} reply={}", outcome.by, report::oneLine(outcome.reply)));
    env_.log.warn("delivered-although-deleted", {{"id", id.text()}, {"by", outcome.by}, {"reply", report::oneLine(outcome.reply)}});
  }
}

/// Who logged in, or is on this machine, is who it says. The sender of a stranger's mail may be forged.
bool Dispatcher::mayReportTo(const MessageRecord& about) {
  const bool isStranger = about.origin.service == "smtp" && about.origin.user.empty();
  return !isStranger || budget_.take(route::domainOf(about.reversePath), env_.now(), env_.config->reports.perDomainHour);
}

/// Whose record cannot be read: what was delivered stays delivered, and nobody is given up while nobody can be told.
void Dispatcher::settleBlindly(const Id128& id, const std::vector<Outcome>& outcomes) {
  const Message* const message = env_.queue.find(id);
  OutcomeRecord record;
  record.id = id;
  for (const Outcome& outcome : outcomes) {
    if (outcome.recipient >= message->recipients.size()) continue;
    const RecipientNow& before = message->recipients[outcome.recipient];
    OutcomeRecord::Entry entry;
    entry.recipient = outcome.recipient;
    entry.state = before.state;
    if (before.state == RecipientState::pending && outcome.state == RecipientState::delivered) entry.state = outcome.state;
    entry.attempts = before.attempts;
    entry.due = env_.now() + kUnreadable;
    entry.lastReply = report::withHost(outcome.reply, saidBy(outcome));
    record.entries.push_back(std::move(entry));
  }
  writeDown(record);
}

/// The common end is 16 octets shared with others of the same turn; everything else is an outcome of its own.
void Dispatcher::writeDown(const OutcomeRecord& record) {
  Message* message = env_.queue.find(record.id);
  if (message == nullptr) return;
  const Id128 id = record.id;
  const bool large = message->large;
  bool allDelivered = record.entries.size() == message->recipients.size();
  bool anyDeferred = false;
  for (const OutcomeRecord::Entry& entry : record.entries) {
    allDelivered = allDelivered && entry.state == RecipientState::delivered;
    anyDeferred = anyDeferred || entry.state == RecipientState::pending;
  }
  if (allDelivered) {
    env_.ledger.noteDelivered(id);
    DeliveredRecord delivered;
    delivered.ids.push_back(id);
    env_.queue.apply(delivered);
    return ended(id, large);
  }
  if (anyDeferred) env_.queue.dropFresh(*message);
  env_.note(record);
  if (env_.queue.find(id) == nullptr) return ended(id, large);
  reschedule(id);
}

void Dispatcher::ended(const Id128& id, bool large) {
  longEnvelopes_.erase(id);
  losses_.erase(id);
  unreadable_.erase(id);
  if (!large) return;
  env_.ledger.whenSynced([&disk = env_.disk, &files = env_.large, id] { disk.post([&files, id] { files.unlink(id); }); });
}

/// The postmaster's copy of a report of failures, if the configuration wants one. Like the report it is never bounced.
std::shared_ptr<const Fresh> Dispatcher::copyFor(const MessageRecord& report, std::shared_ptr<const std::string> content,
                                                       const std::vector<report::Ending>& endings) const {
  const std::string& to = env_.config->reports.copyTo;
  const bool anyFailed = std::any_of(endings.begin(), endings.end(), [](const report::Ending& e) { return e.action == DsnAction::failed; });
  if (to.empty() || !anyFailed || isSameAddress(report.recipients.front().recipient.forwardPath, to)) return nullptr;
  MessageRecord record = report;
  record.id = Id128::make(env_.now());
  record.recipients.front().recipient.forwardPath = to;
  return std::make_shared<const Fresh>(Fresh{std::move(record), std::move(content)});
}

Task<void> Dispatcher::settleWithReport(Id128 id, Facts facts, OutcomeRecord record, std::vector<report::Ending> endings) {
  ++running_;
  const Result<std::shared_ptr<const std::string>> content = co_await readContent(env_, id, kReturnedMost);
  endRunning();
  // A message that was taken away ends nothing; of one that was expanded and has arrived meanwhile the sender still hears that.
  if (env_.queue.find(id) == nullptr && !record.entries.empty()) co_return;
  // Without its content the report still says what happened.
  const std::string_view octets = content ? std::string_view(**content) : std::string_view("\r\n");
  report::Report built = report::build(*env_.config, facts->record, endings, octets, env_.now(), env_.words);
  auto reportContent = std::make_shared<const std::string>(std::move(built.content));
  built.record.large = reportContent->size() > env_.config->queue.largeMessage.octets;
  if (built.record.large) built.record.contentCrc = crc32c(*reportContent);
  std::shared_ptr<const Fresh> copy = copyFor(built.record, built.record.large ? nullptr : reportContent, endings);
  if (built.record.large) {
    const std::optional<Id128> copied = copy ? std::optional(copy->record.id) : std::nullopt;
    co_await writeLargely(built.record.id, std::exchange(reportContent, nullptr), copied);
    if (env_.queue.find(id) == nullptr && !record.entries.empty()) {  // taken away meanwhile
      env_.disk.post([&files = env_.large, report = built.record.id, copied] {
        files.unlink(report);
        if (copied) files.unlink(*copied);
      });
      co_return;
    }
  }
  std::vector<journal::NewRecord> batch;
  Acceptance::appendTo(batch, built.record, reportContent);
  std::string packed = batch.front().content;
  batch.push_back(newRecord(record));
  std::string packedCopy;
  if (copy) {
    packedCopy = newRecord(copy->record).content;
    Acceptance::appendTo(batch, copy->record, copy->content);
  }
  env_.history.note(id, env_.now(), "report " + built.record.id.text() + " to=<" + facts->record.reversePath + ">");
  env_.history.note(built.record.id, env_.now(), "report about " + id.text() + " to=<" + facts->record.reversePath + ">");
  env_.log.of(facts->record.origin.virtualServer).info("report", {{"id", built.record.id.text()}, {"about", id.text()}, {"to", facts->record.reversePath}});
  auto fresh = std::make_shared<const Fresh>(Fresh{std::move(built.record), std::move(reportContent)});
  env_.ledger.noteTogether(std::move(batch), [this, fresh = std::move(fresh), packed = std::move(packed), copy = std::move(copy),
                                              packedCopy = std::move(packedCopy),
                                              record = std::move(record)](const journal::Committed& places) {
    const Id128 reportId = fresh->record.id;
    const std::size_t copyAt = fresh->record.large ? 2 : 3;  // behind the report's record, its content, and the outcome
    env_.queue.insertFresh(fresh, packed, places[0], places[1]);
    const Message* cause = env_.queue.find(record.id);
    const bool large = cause != nullptr && cause->large;
    env_.queue.apply(record);
    if (cause != nullptr && env_.queue.find(record.id) == nullptr) ended(record.id, large);
    reschedule(record.id);
    if (copy) {
      const Id128 copyId = copy->record.id;
      env_.queue.insertFresh(copy, packedCopy, places[copyAt], places.back());
      wake(copyId);
    }
    wake(reportId);
  });
}

/// In a file of its own, durable when this returns. While the disk is full nothing ends that nobody can be told of.
Task<void> Dispatcher::writeLargely(Id128 id, std::shared_ptr<const std::string> content, std::optional<Id128> copy) {
  auto job = [&files = env_.large, id, content, copy]() -> Result<void> {
    const Result<UniqueFd> file = files.create(id);
    if (!file) return fail(file.error());
    Result<void> done = writeAll(file->get(), *content);
    if (done && copy) done = files.share(id, file->get(), *copy);
    if (done) done = files.finish(id, file->get());
    if (!done) files.unlink(id);
    if (!done && copy) files.unlink(*copy);
    return done;
  };
  Result<void> written = co_await env_.disk.run(env_.loop, job);
  while (!written) {
    env_.log.error("report-not-written", {{"id", id.text()}, {"reason", written.error().detail}});
    co_await env_.loop.sleepUntil(Deadline::after(std::chrono::seconds(1)));
    written = co_await env_.disk.run(env_.loop, job);
  }
}

/// An undeliverable report goes nowhere else: it is kept for the administrator, with the reason. STATES.md 13.
Task<void> Dispatcher::settleAsBadmail(Id128 id, Facts facts, OutcomeRecord record, std::string reason) {
  ++running_;
  Result<std::shared_ptr<const std::string>> content = co_await readContent(env_, id, UINT64_MAX);
  if (!content && ++unreadable_[id] >= kReadsMost) {
    const std::string why = fmt::format("Its content could not be read, {} times: {}", kReadsMost, content.error().detail);
    reason += "\n" + why;
    content = std::make_shared<const std::string>(fmt::format("Subject: {} without its content\r\n\r\n{}\r\n", id.text(), why));
  }
  Result<void> written = content ? Result<void>() : Result<void>(fail(content.error()));
  if (content) {
    std::vector<std::uint32_t> which;
    for (const OutcomeRecord::Entry& entry : record.entries) {
      if (entry.state == RecipientState::failed) which.push_back(entry.recipient);
    }
    const std::string envelope = envelopeFields(facts->record, which);
    auto job = [folder = env_.config->badmailDirOf(facts->record.origin.virtualServer), name = badmailName(facts->record, which), reason, envelope, octets = *content,
                lookUp = env_.history.lookUp(id, env_.now())]() -> Result<void> {
      std::string why = reason;
      for (const History::Event& event : lookUp()) why += "\n" + std::to_string(toUnixMillis(event.at) / 1000) + " " + event.text;
      return writeBadmail(folder, name, why, {envelope, *octets});
    };
    written = co_await env_.disk.run(env_.loop, std::move(job));
  }
  endRunning();
  if (!written) {
    env_.log.error("badmail-not-written", {{"id", id.text()}, {"reason", written.error().detail}});
    // It stays in the queue until then, past its expiry; the host that refused it is asked no more often than for other mail.
    config::RetrySchedule retry = route::retryFor(*env_.config, nullptr, facts->record.origin.virtualServer);
    retry.expiry = std::chrono::seconds(0);
    retry.attempts.reset();
    for (OutcomeRecord::Entry& entry : record.entries) {
      if (entry.state != RecipientState::failed) continue;
      entry.state = RecipientState::pending;
      entry.due = schedule::afterFailure(retry, facts->record.arrived, entry.attempts, env_.now()).due;
      entry.lastReply = "badmail/ cannot be written (" + written.error().detail + "), where this would go: " + entry.lastReply;
    }
  } else {
    env_.history.note(id, env_.now(), "badmail: " + reason);
    env_.log.of(facts->record.origin.virtualServer).warn("badmail", {{"id", id.text()}, {"reason", reason}});
  }
  writeDown(record);
}

}  // namespace ostler::spool
