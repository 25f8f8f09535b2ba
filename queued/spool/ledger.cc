#include "queued/spool/ledger.h"

#include <deque>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

namespace ostler::spool {

journal::NewRecord newRecord(const AnyRecord& record) {
  return {static_cast<std::uint16_t>(typeOf(record)), encodeRecord(record)};
}

namespace {

/// How long outcomes wait for a commit to share its sync. A power cut in that time has mail sent again, as one before the sync
/// would: it is short.
constexpr std::chrono::milliseconds kOutcomesWait{2};
/// What is noted within that time may be much, and a batch must fit into a segment.
constexpr std::size_t kGatheredMost = 64 * 1024;

using journal::Committed;
using journal::NewRecord;

/// What became of one batch, on its way from the journal's thread to the loop.
struct Returned {
  std::function<void(Result<Committed>)> then;
  Result<Committed> result;
};

/// Noted, not synced yet.
struct Noted {
  std::uint64_t number;  // in this life
  std::vector<NewRecord> batch;
  Ledger::Synced synced;
};

/// A task that waits for the journal, and may be destroyed meanwhile.
struct Waiting {
  explicit Waiting(Loop& loop) : done(std::make_unique<Signal>(loop)) {}
  void end(Result<void> with) {
    result = std::move(with);
    if (done) done->set();
  }
  struct Guard {
    std::shared_ptr<Waiting> waiting;
    ~Guard() { waiting->done.reset(); }
  };
  std::unique_ptr<Signal> done;  // gone when nobody waits any more
  std::optional<Result<void>> result;
};

enum class Patience { untilSynced, untilRefused };

/// Who waits for this batch and all before it.
struct Awaiting {
  std::uint64_t number;
  Patience patience;
  std::function<void(Result<void>)> then;
};

tl::unexpected<Error> refusal() { return fail(Error::Kind::temporary, "the journal takes no outcomes; they are written when it does"); }

}  // namespace

/// Held by the callbacks in the journal, too, so that one that comes late finds it.
struct Ledger::Core : std::enable_shared_from_this<Ledger::Core> {
  Core(Loop& on, journal::Journal& into, log::Log to) : loop(on), journal(into), log(std::move(to)), scope(std::in_place, on) {}

  void append(std::vector<NewRecord> batch, std::function<void(Result<Committed>)> then);
  void drain();
  void gather(NewRecord record);
  void flushGathered();
  [[nodiscard]] Task<void> flushLater();
  void write(std::shared_ptr<Noted> batch);
  void retry();
  [[nodiscard]] bool settled() const { return !isGathering() && unsynced.empty(); }
  [[nodiscard]] bool isGathering() const { return !gathered.empty() || !deliveredIds.ids.empty(); }
  void await(Patience patience, std::function<void(Result<void>)> then);
  void tellSynced();
  void tellRefused();

  Loop& loop;
  journal::Journal& journal;
  log::Log log;
  bool gone = false;  // the Ledger was destroyed; written by the loop under mutex

  std::mutex mutex;
  std::vector<Returned> returned;  // guarded by mutex

  std::vector<NewRecord> gathered;  // noted lately, not appended yet
  std::size_t gatheredOctets = 0;
  DeliveredRecord deliveredIds;
  bool flushing = false;  // flushLater() runs
  std::uint64_t noted = 0;           // number of the last batch
  std::set<std::uint64_t> unsynced;  // batches
  std::deque<std::shared_ptr<Noted>> refused;     // to be written again
  bool retrying = false;
  std::deque<Awaiting> awaiting;  // in the order of their batches
  journal::Position applied;
  std::optional<TaskScope> scope;  // gone with the Ledger
};

void Ledger::Core::append(std::vector<NewRecord> batch, std::function<void(Result<Committed>)> then) {
  journal.append(std::move(batch), [self = shared_from_this(), then = std::move(then)](Result<Committed> result) mutable {
    bool first = false;
    {
      const std::scoped_lock lock(self->mutex);
      if (self->gone) return;  // nobody will take it, and it holds what would hold it
      first = self->returned.empty();
      self->returned.push_back({std::move(then), std::move(result)});
    }
    if (first) self->loop.post([self] { self->drain(); });
  });
}

void Ledger::Core::drain() {
  std::vector<Returned> batch;
  {
    const std::scoped_lock lock(mutex);
    batch.swap(returned);
  }
  if (gone) return;
  for (Returned& one : batch) {
    const bool synced = one.result.has_value() && !one.result->empty();
    const journal::Position at = synced ? one.result->front() : journal::Position{};
    one.then(std::move(one.result));
    if (synced) applied = std::max(applied, at);
  }
  tellSynced();
}

void Ledger::Core::tellSynced() {
  const std::uint64_t last = unsynced.empty() ? noted : *unsynced.begin() - 1;  // all up to it are synced
  while (!awaiting.empty() && awaiting.front().number <= last) {
    const auto then = std::move(awaiting.front().then);
    awaiting.pop_front();
    then({});
  }
}

void Ledger::Core::tellRefused() {
  std::deque<Awaiting> told;
  for (Awaiting& one : std::exchange(awaiting, {})) (one.patience == Patience::untilRefused ? told : awaiting).push_back(std::move(one));
  for (const Awaiting& one : told) one.then(refusal());
}

void Ledger::Core::await(Patience patience, std::function<void(Result<void>)> then) {
  awaiting.push_back({noted + (isGathering() ? 1 : 0), patience, std::move(then)});  // what is gathered is the next batch
  tellSynced();
}

void Ledger::Core::gather(NewRecord record) {
  gatheredOctets += record.content.size();
  if (record.type != 0) gathered.push_back(std::move(record));
  if (gatheredOctets > kGatheredMost) return flushGathered();
  if (!std::exchange(flushing, true)) scope->spawn(flushLater());
}

Task<void> Ledger::Core::flushLater() {
  co_await loop.sleepUntil(Deadline::after(kOutcomesWait));
  flushing = false;
  flushGathered();
}

void Ledger::Core::flushGathered() {
  if (!deliveredIds.ids.empty()) gathered.push_back(newRecord(std::exchange(deliveredIds, {})));
  if (gathered.empty()) return;
  gatheredOctets = 0;
  write(std::make_shared<Noted>(Noted{0, std::exchange(gathered, {}), {}}));
}

void Ledger::Core::write(std::shared_ptr<Noted> batch) {
  if (batch->number == 0) unsynced.insert(batch->number = ++noted);
  if (!refused.empty()) {  // behind those refused before: outcomes of one message keep their order
    refused.push_back(std::move(batch));
    return;
  }
  append(batch->batch, [self = shared_from_this(), batch](Result<Committed> result) {
    if (result) {
      self->unsynced.erase(batch->number);
      if (batch->synced) batch->synced(*result);
      return;
    }
    self->log.error("outcomes-not-written", {{"reason", result.error().detail}, {"effect", "no delivery starts, new mail gets 452"}});
    self->refused.push_back(batch);
    self->tellRefused();
    self->retry();
  });
}

void Ledger::Core::retry() {
  if (std::exchange(retrying, true)) return;
  scope->spawn([](Core& self) -> Task<void> {
    co_await self.loop.sleepUntil(Deadline::after(std::chrono::seconds(1)));
    self.retrying = false;
    const auto again = std::exchange(self.refused, {});
    for (const auto& batch : again) self.write(batch);
  }(*this));
}

Ledger::Ledger(Loop& loop, journal::Journal& journal, log::Log log)
    : core_(std::make_shared<Core>(loop, journal, std::move(log))) {}

Ledger::~Ledger() {
  core_->flushGathered();
  core_->scope.reset();
  std::vector<Returned> untaken;  // each may hold the core, which holds them
  const std::scoped_lock lock(core_->mutex);
  core_->gone = true;
  untaken.swap(core_->returned);
}

Task<Result<void>> Ledger::commit(std::vector<NewRecord> batch, Synced synced) {
  const Waiting::Guard guard{std::make_shared<Waiting>(core_->loop)};
  core_->flushGathered();
  core_->append(std::move(batch), [waiting = guard.waiting, synced = std::move(synced)](Result<Committed> result) {
    if (result && synced) synced(*result);
    waiting->end(result ? Result<void>() : Result<void>(fail(result.error())));
  });
  const Result<void> woken = co_await guard.waiting->done->wait(Deadline::never());
  if (!woken) co_return woken;
  co_return *guard.waiting->result;
}

void Ledger::note(const AnyRecord& record) { core_->gather(newRecord(record)); }

void Ledger::noteDelivered(const Id128& id) {
  core_->deliveredIds.ids.push_back(id);
  core_->gather({});
}

void Ledger::noteTogether(std::vector<NewRecord> batch, Synced synced) {
  core_->flushGathered();
  core_->write(std::make_shared<Noted>(Noted{0, std::move(batch), std::move(synced)}));
}

void Ledger::whenSynced(std::function<void()> callback) {
  core_->await(Patience::untilSynced, [callback = std::move(callback)](const Result<void>&) { callback(); });
}

Task<Result<void>> Ledger::synced() {
  core_->flushGathered();
  if (stuck()) co_return refusal();
  const Waiting::Guard guard{std::make_shared<Waiting>(core_->loop)};
  core_->await(Patience::untilRefused, [waiting = guard.waiting](Result<void> result) { waiting->end(std::move(result)); });
  const Result<void> woken = co_await guard.waiting->done->wait(Deadline::never());
  if (!woken) co_return woken;
  co_return *guard.waiting->result;
}

bool Ledger::stuck() const { return !core_->refused.empty(); }
bool Ledger::settled() const { return core_->settled(); }
journal::Position Ledger::applied() const { return core_->applied; }
journal::Journal& Ledger::journal() { return core_->journal; }

}  // namespace ostler::spool
