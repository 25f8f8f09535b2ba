#include "libmailcore/journal/group_commit.h"

#include <fcntl.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "libmailcore/journal/space.h"

namespace ostler::journal {
namespace {

struct Pending {
  std::vector<NewRecord> records;
  std::function<void(Result<Committed>)> done;
  std::uint64_t span = 0;
  Result<Committed> outcome;
};

constexpr std::uint64_t kLargestGroup = 8U << 20;  // octets: bounds how long the first of a group waits for its sync
constexpr std::size_t kGatherEnough = 64;          // batches: more in one sync gain little

std::uint64_t spanOf(const std::vector<NewRecord>& records) {
  std::uint64_t span = 0;
  for (const NewRecord& record : records) span += recordSpan(record.octets().size());
  return span;
}

}  // namespace

struct Journal::Impl {
  Impl(JournalOptions o, UniqueFd f)
      : options(std::move(o)), folder(std::move(f)), space(folder.get(), options.segmentSize.octets, options.preparedAhead, *options.disk) {}
  ~Impl() {
    {
      const std::scoped_lock lock(mutex);
      stopping = true;
    }
    arrived.notify_all();
    if (thread.joinable()) thread.join();
  }

  void work();
  std::vector<Pending> gather();
  void commit(std::vector<Pending>& group);
  std::size_t appendFrom(std::vector<Pending>& group, std::size_t first, Result<void>& status);
  Result<void> openSegment();
  void closeSegment();

  const JournalOptions options;
  const UniqueFd folder;
  SegmentSpace space;
  std::vector<Damage> damage;

  std::mutex mutex;
  std::condition_variable arrived;
  std::vector<Pending> queue;
  std::size_t wakeAt = 1;  // size of the queue at which the journal's thread wants to be woken
  bool stopping = false;
  std::atomic<std::size_t> expected = 0;
  std::atomic<std::uint64_t> roomInSegment = 0;

  // The journal's thread alone, from here on.
  LogEnd end;
  Id128 lastSegment;
  std::unique_ptr<SegmentWriter> writer;
  std::thread thread;
};

void Journal::Impl::work() {
  for (;;) {
    std::vector<Pending> group = gather();
    if (group.empty()) return;
    commit(group);
    for (Pending& pending : group) pending.done(std::move(pending.outcome));
  }
}

// Waits for batches, then for those that are announced, but not long.
std::vector<Pending> Journal::Impl::gather() {
  std::unique_lock lock(mutex);
  wakeAt = 1;
  arrived.wait(lock, [this] { return stopping || !queue.empty(); });
  const std::size_t enough = std::min(queue.size() + expected, kGatherEnough);
  if (!stopping && queue.size() < enough) {
    wakeAt = enough;
    arrived.wait_for(lock, options.gatherFor, [this, enough] { return stopping || queue.size() >= enough; });
  }
  wakeAt = 1;
  std::uint64_t octets = 0;
  const auto cut = std::ranges::find_if(queue, [&octets](const Pending& pending) {
    octets += pending.span;
    return octets > kLargestGroup;
  });
  const auto count = std::max<std::ptrdiff_t>(cut - queue.begin(), std::min<std::ptrdiff_t>(1, std::ssize(queue)));
  std::vector<Pending> group(std::move_iterator(queue.begin()), std::move_iterator(queue.begin() + count));
  queue.erase(queue.begin(), queue.begin() + count);
  return group;
}

// Makes the group durable. When a segment fails under it, what is not synced is written once more, to a new one.
void Journal::Impl::commit(std::vector<Pending>& group) {
  std::size_t first = 0;
  bool secondTry = false;
  while (first < group.size()) {
    if (group[first].span > options.segmentSize.octets - kSegmentStart) {
      group[first++].outcome = fail(Error::Kind::limit, "journal: the batch is larger than a segment");
      continue;
    }
    Result<void> status;
    const std::size_t appended = appendFrom(group, first, status);
    if (status && writer) status = writer->sync();
    if (status) {
      first = appended;
      secondTry = false;
      continue;
    }
    closeSegment();
    if (!secondTry) {
      secondTry = true;
      continue;
    }
    for (; first < group.size(); ++first) group[first].outcome = fail(status.error());
  }
  if (writer) roomInSegment = writer->header().size - writer->end().offset;
}

// Appends from `first` on what fits into one segment and returns the first that is left.
std::size_t Journal::Impl::appendFrom(std::vector<Pending>& group, std::size_t first, Result<void>& status) {
  if (!writer || !writer->fits(group[first].span)) status = openSegment();  // what the old one holds is synced
  std::size_t at = first;
  for (; status && at < group.size() && writer->fits(group[at].span); ++at) {
    std::vector<SegmentWriter::Item> items;
    items.reserve(group[at].records.size());
    for (const NewRecord& record : group[at].records) items.push_back({record.type, record.octets()});
    group[at].outcome = writer->append(items);
    if (!group[at].outcome) status = fail(group[at].outcome.error());
  }
  return at;
}

// What was not synced does not count: the next segment starts with that batch's number.
void Journal::Impl::closeSegment() {
  if (!writer) return;
  end = writer->end();
  end.nextBatch = writer->syncedThrough() + 1;
  writer.reset();
}

Result<void> Journal::Impl::openSegment() {
  closeSegment();
  SegmentHeader header;
  header.id = Id128::make(std::chrono::system_clock::now());
  header.predecessor = lastSegment;
  header.number = end.segment + 1;
  header.firstBatch = end.nextBatch;
  header.size = options.segmentSize.octets;
  header.user = options.user;
  auto made = SegmentWriter::create(folder.get(), header, space.takeSpare(), *options.disk);
  // One that has its name and may lose it again is replaced by the next try: the number and the first batch are the same.
  if (!made && made.error().kind == Error::Kind::outcomeUnknown) return fail(Error::Kind::temporary, made.error().detail);
  if (!made) return fail(made.error());
  auto file = SegmentFile::open(folder.get(), header.number);
  if (!file) return fail(file.error());
  space.add(std::move(*file));
  writer = std::move(*made);
  lastSegment = header.id;
  end = writer->end();
  return {};
}

Result<std::unique_ptr<Journal>> Journal::open(JournalOptions options, std::uint64_t fromSegment,
                                               const std::function<void(const Batch&)>& each) {
  UniqueFd folder(::open(options.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return fail(Error::Kind::permanent, options.folder + ": the journal's folder cannot be opened");
  auto impl = std::make_unique<Impl>(std::move(options), std::move(folder));
  const int at = impl->folder.get();
  const auto numbers = listSegments(at);
  if (!numbers) return fail(numbers.error());
  for (const std::uint64_t number : *numbers) {
    auto file = SegmentFile::open(at, number);
    if (!file && file.error().kind == Error::Kind::permanent) continue;  // replay() tells it as damage
    if (!file) return fail(file.error());
    if ((*file)->header().user > impl->options.user) {
      return fail(Error::Kind::permanent, impl->options.folder + ": written by a newer version of this program; use that one");
    }
    impl->lastSegment = (*file)->header().id;
    impl->space.add(std::move(*file));
  }
  auto replayed = replay(at, fromSegment, [&each](const Batch& batch) {
    each(batch);
    return true;
  });
  if (!replayed) return fail(replayed.error());
  impl->end = replayed->end;
  impl->damage = std::move(replayed->damage);
  if (!numbers->empty()) {
    impl->end.segment = numbers->back();
    // What was appended, not synced and now read must not be lost by a power cut that comes after we acted on it.
    auto last = impl->options.disk->open(at, segmentName(numbers->back()), O_RDWR);
    Result<void> synced = last ? impl->options.disk->syncData(last->get()) : Result<void>(fail(last.error()));
    if (!synced) return fail(synced.error());
  }
  const Result<void> started = impl->space.start();
  if (!started) return fail(started.error());
  impl->thread = std::thread([work = impl.get()] { work->work(); });
  pthread_setname_np(impl->thread.native_handle(), "journal");
  return std::make_unique<Journal>(std::move(impl));
}

Journal::Journal(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Journal::~Journal() = default;

void Journal::append(std::vector<NewRecord> batch, std::function<void(Result<Committed>)> done) {
  const std::uint64_t span = spanOf(batch);
  bool wake = false;
  {
    const std::scoped_lock lock(impl_->mutex);
    impl_->queue.push_back({std::move(batch), std::move(done), span, Committed{}});
    wake = impl_->queue.size() >= impl_->wakeAt;
  }
  if (wake) impl_->arrived.notify_one();
}

void Journal::expectMore(std::size_t batches) { impl_->expected = batches; }

Result<std::string> Journal::read(Position record) const {
  const auto file = pin(record.segment);
  if (!file) return fail(file.error());
  return (*file)->readRecord(record.offset);
}

Gathered Journal::readAll(std::span<const Position> records) const {
  return {records, [this](std::uint64_t segment) { return impl_->space.find(segment); }};
}

Result<std::shared_ptr<const SegmentFile>> Journal::pin(std::uint64_t segment) const {
  auto file = impl_->space.find(segment);
  if (!file) return fail(Error::Kind::notFound, "journal: " + segmentName(segment) + " is not there any more");
  return file;
}

std::vector<std::uint64_t> Journal::segments() const { return impl_->space.numbers(); }
std::uint64_t Journal::octetsOnDisk() const { return impl_->space.octetsOnDisk(); }
void Journal::retireBefore(std::uint64_t segment) { impl_->space.retireBefore(segment); }
const std::vector<Damage>& Journal::damage() const { return impl_->damage; }

bool Journal::hasRoom(std::uint64_t octets) const {
  return !impl_->space.diskFull() || impl_->space.spares() >= 2 || octets <= impl_->roomInSegment;
}

}  // namespace ostler::journal
