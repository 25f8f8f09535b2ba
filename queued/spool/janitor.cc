#include "queued/spool/janitor.h"

#include "queued/spool/badmail.h"

#include <algorithm>
#include <utility>

#include "queued/spool/acceptance.h"
#include "queued/spool/contents.h"

namespace ostler::spool {

namespace {

constexpr std::size_t kChangesMost = 10'000;
/// Replay starts this much before the last commit, so that drafts committed shortly before a crash are known by their ids, and
/// pickup's names too.
constexpr std::chrono::seconds kReplayBefore{10};
constexpr std::chrono::hours kCleaning{1};  ///< of badmail/ and the history, while nothing else happens
constexpr std::size_t kRowsAtOnce = 500;  ///< between two turns of the loop
constexpr std::size_t kEndedKept = 200'000;
constexpr std::size_t kMovedAtOnce = 200;
constexpr std::size_t kSegmentsAllowed = 6;  ///< before live messages are moved to let the oldest go

}  // namespace

Janitor::Janitor(Environment& env, ScheduleIndex& index, std::uint64_t replayFrom, journal::Position told)
    : env_(env), index_(index), replayFrom_(replayFrom), committedFrom_(replayFrom), told_(told), somethingNew_(env.loop), scope_(env.loop) {}

Janitor::~Janitor() {
  env_.queue.onChange({});
  env_.history.onNote({});
  env_.senders.onChange({});
}

void Janitor::start(std::function<void()> isStirred) {
  const auto wake = [this] { somethingNew_.set(); };
  env_.queue.onChange([wake, isStirred = std::move(isStirred)] {
    wake();
    isStirred();
  });
  env_.history.onNote(wake);
  env_.senders.onChange(wake);
  scope_.spawn(run());
}

void Janitor::noteReplayPlace() {
  const SteadyTime now = env_.clock.steady();
  const std::uint64_t applied = env_.ledger.applied().segment;
  if (applied != 0) places_.push_back({now, applied});
  while (places_.size() > 1 && places_[1].at + kReplayBefore < now) places_.pop_front();
  if (!places_.empty() && places_.front().at + kReplayBefore < now) replayFrom_ = places_.front().segment;
}

/// Once an hour what lies in badmail/ for too long goes, and the oldest of what is too much.
void Janitor::limitBadmail() {
  const WallTime now = env_.now();
  if (now >= badmailLookedAt_ && now - badmailLookedAt_ < kCleaning) return;
  badmailLookedAt_ = now;
  const config::QueueSettings& settings = env_.config->queue;
  env_.disk.post([folders = env_.config->badmailDirs(), now, keep = settings.badmailKeep, size = settings.badmailSize] {
    for (const std::string& folder : folders) spool::limitBadmail(folder, now, keep, size);
  });
}

/// All is on disk, and a replay begins where the log ends.
bool Janitor::hasNothingToDo() const {
  const std::uint64_t applied = env_.ledger.applied().segment;
  return env_.queue.changedCount() == 0 && !env_.history.hasNotes() && !env_.senders.hasNotes() && replayFrom_ == committedFrom_ &&
         (applied == 0 || applied == replayFrom_);
}

Task<void> Janitor::run() {
  bool nothingNew = false;
  while (true) {
    if (hasNothingToDo()) {  // an idle process sleeps
      const Result<void> woken = co_await somethingNew_.wait(Deadline::after(kCleaning));
      (void)woken;
    }
    // While there is nothing for the index one look a second.
    const int looks = nothingNew ? 1 : 10;
    for (int look = 0; look < looks && env_.queue.changedCount() < kChangesMost; ++look) {
      co_await env_.loop.sleepUntil(Deadline::after(std::chrono::milliseconds(1000 / looks)));
      noteReplayPlace();
    }
    limitBadmail();
    env_.history.flush(env_.now(), env_.config->queue.history);
    env_.senders.flush(env_.now());
    nothingNew = env_.queue.changedCount() == 0 && replayFrom_ == committedFrom_;
    if (nothingNew) continue;
    co_await commitChanges();
    env_.queue.forgetEnded(kEndedKept);
    env_.scheduler.forgetIdle(env_.now());
    retire();
    co_await moveOldest();
  }
}

/// After a start, or when everything changed at once, there are as many as messages wait: nobody else waits for all of them, nor need
/// they fit into memory.
Task<void> Janitor::commitChanges() {
  const std::vector<Id128> changed = env_.queue.takeChanged();
  told_ = std::max(told_, env_.ledger.applied());  // of all of that the history was told, and has it before the index says so
  std::span<const Id128> left = changed;
  do {
    const std::span<const Id128> some = left.first(std::min(left.size(), ScheduleIndex::kAtOnce));
    left = left.subspan(some.size());
    const auto changes = std::make_shared<ScheduleIndex::Changes>();
    changes->destinations = env_.queue.destinations();
    changes->replayFrom = left.empty() ? replayFrom_ : committedFrom_;
    for (std::size_t at = 0; at < some.size(); at += kRowsAtOnce) {
      ScheduleIndex::add(*changes, env_.queue, some.subspan(at, std::min(kRowsAtOnce, some.size() - at)));
      co_await env_.loop.yield();
    }
    changes->told = told_;
    auto job = [&index = index_, changes, writeDown = env_.history.writeDown()] {
      writeDown();
      return index.commit(*changes);
    };
    Result<void> committed = co_await env_.disk.run(env_.loop, job);
    while (!committed) {
      env_.log.error("schedule-index", {{"reason", committed.error().detail}});
      co_await env_.loop.sleepUntil(Deadline::after(std::chrono::seconds(1)));
      committed = co_await env_.disk.run(env_.loop, job);
    }
    committedFrom_ = changes->replayFrom;
    env_.queue.stored(some);
  } while (!left.empty());
}

void Janitor::commitNow() {
  env_.history.writeDown()();
  const Result<void> committed = index_.commitAll(env_.queue, committedFrom_, replayFrom_, std::max(told_, env_.ledger.applied()));
  if (!committed) env_.log.error("schedule-index", {{"reason", committed.error().detail}});
}

void Janitor::retire() {
  if (committedFrom_ == 0) return;
  std::uint64_t needed = committedFrom_;
  if (!env_.queue.liveBySegment().empty()) needed = std::min(needed, env_.queue.liveBySegment().begin()->first);
  const std::vector<std::uint64_t> segments = env_.ledger.journal().segments();
  if (segments.empty() || segments.front() >= needed) return;
  // What is laid on destinations is said again, so that a lost index can be made from what stays of the log.
  for (const auto& [key, hold] : env_.queue.destinations()) env_.ledger.note(DestinationRecord{key, hold});
  env_.ledger.journal().retireBefore(needed);
}

/// A few long-lived messages must not keep a whole log of ended ones on disk.
Task<void> Janitor::moveOldest() {
  const auto& live = env_.queue.liveBySegment();
  const std::vector<std::uint64_t> segments = env_.ledger.journal().segments();
  if (segments.size() <= kSegmentsAllowed || live.empty()) co_return;
  const std::uint64_t oldest = live.begin()->first;
  const bool isOfUse = oldest == segments.front() && oldest + 1 < env_.ledger.applied().segment;
  // Not worth it while at least half of the log is alive: moving would only write it all again.
  const bool isWorthIt = env_.queue.journalOctets() * 2 < env_.ledger.journal().octetsOnDisk();
  if (!isOfUse || !isWorthIt) co_return;
  std::vector<Id128> toMove;
  for (const auto& [id, message] : env_.queue.messages()) {
    if (message.record.segment == oldest && toMove.size() < kMovedAtOnce) toMove.push_back(id);
  }
  for (const Id128& id : toMove) co_await moveOne(id);
}

Task<void> Janitor::moveOne(Id128 id) {
  const Message* before = env_.queue.find(id);
  if (before == nullptr) co_return;
  Result<std::shared_ptr<const std::string>> content = std::shared_ptr<const std::string>();
  if (!before->large) content = co_await readContent(env_, id, UINT64_MAX);
  const Message* message = env_.queue.find(id);
  // With an outcome on its way into the log, what is read here would come behind it, and undo it when the log is replayed.
  if (message == nullptr || message->anySettling()) co_return;
  if (!content) {
    env_.log.error("message-damaged", {{"id", id.text()}, {"reason", content.error().detail}});
    co_return;
  }
  const Result<MessageRecord> record = env_.queue.read(*message);
  if (!record) {
    env_.log.error("message-unreadable", {{"id", id.text()}, {"reason", record.error().detail}});
    co_return;
  }
  std::vector<journal::NewRecord> batch;
  Acceptance::appendTo(batch, *record, *content);
  std::string packed = batch.front().content;
  auto synced = [&queue = env_.queue, id, packed = std::move(packed)](const journal::Committed& places) {
    queue.moved(id, packed, places.front(), places.back());
  };
  const Result<void> written = co_await env_.ledger.commit(std::move(batch), std::move(synced));
  (void)written;  // not moved: its segment stays
}

}  // namespace ostler::spool
