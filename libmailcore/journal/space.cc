#include "libmailcore/journal/space.h"

#include <fcntl.h>
#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <string>

namespace ostler::journal {
namespace {
constexpr std::chrono::seconds kTryAgain{1};  // after a full disk, and while a retired segment is still read by somebody
constexpr std::uint64_t kZeros = 1U << 20;    // written at once, and synced: no commit waits behind a whole segment

Result<void> writeZeros(const Disk& disk, int fd, std::uint64_t at, std::uint64_t count) {
  std::string zeros(count, '\0');
  iovec part{zeros.data(), zeros.size()};
  const Result<void> written = disk.write(fd, {&part, 1}, at);
  return written ? disk.syncData(fd) : written;
}

}  // namespace

SegmentSpace::SegmentSpace(int folder, std::uint64_t segmentSize, unsigned preparedAhead, const Disk& disk)
    : folder_(folder), segmentSize_(segmentSize), preparedAhead_(preparedAhead), disk_(disk) {}

SegmentSpace::~SegmentSpace() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Result<void> SegmentSpace::start() {
  auto found = listSpares(folder_);
  if (!found) return fail(found.error());
  spares_ = std::move(*found);
  for (; spares_.size() > preparedAhead_ + 1; spares_.pop_back()) (void)disk_.unlink(folder_, spares_.back());
  spareCount_ = spares_.size();
  thread_ = std::thread([this] { work(); });
  pthread_setname_np(thread_.native_handle(), "journal-space");
  return {};
}

void SegmentSpace::add(std::shared_ptr<const SegmentFile> segment) {
  const std::scoped_lock lock(mutex_);
  const std::uint64_t number = segment->header().number;
  segments_[number] = std::move(segment);
}

std::shared_ptr<const SegmentFile> SegmentSpace::find(std::uint64_t number) const {
  const std::scoped_lock lock(mutex_);
  const auto at = segments_.find(number);
  return at == segments_.end() ? nullptr : at->second;
}

std::vector<std::uint64_t> SegmentSpace::numbers() const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::uint64_t> out;
  for (const auto& [number, file] : segments_) out.push_back(number);
  return out;
}

void SegmentSpace::retireBefore(std::uint64_t number) {
  {
    const std::scoped_lock lock(mutex_);
    while (!segments_.empty() && segments_.begin()->first < number) retired_.insert(segments_.extract(segments_.begin()));
  }
  changed_.notify_all();
}

std::string SegmentSpace::takeSpare() {
  std::string name;
  {
    const std::scoped_lock lock(mutex_);
    if (spares_.empty()) return name;
    name = std::move(spares_.back());
    spares_.pop_back();
    spareCount_ = spares_.size();
  }
  changed_.notify_all();
  return name;
}

std::uint64_t SegmentSpace::octetsOnDisk() const {
  const std::scoped_lock lock(mutex_);
  return (segments_.size() + retired_.size() + spares_.size()) * segmentSize_;
}

std::vector<std::uint64_t> SegmentSpace::unpinned() {
  std::vector<std::uint64_t> out;
  for (const auto& [number, file] : retired_) {
    if (file.use_count() == 1) out.push_back(number);
  }
  return out;
}

// Retired segments become spares (their blocks are allocated and written: cheaper than new ones) or go.
// False: one of them could not be, and is tried again later.
bool SegmentSpace::recycle(std::vector<std::uint64_t> numbers) {
  bool all = true;
  for (const std::uint64_t number : numbers) {
    const std::string spare = "spare-" + segmentName(number);
    const bool wanted = spareCount_ < preparedAhead_;
    const Result<void> done =
        wanted ? disk_.rename(folder_, segmentName(number), spare) : disk_.unlink(folder_, segmentName(number));
    if (!done && done.error().kind != Error::Kind::notFound) {
      all = false;
      continue;
    }
    const std::scoped_lock lock(mutex_);
    retired_.erase(number);
    if (!done || !wanted) continue;
    spares_.push_back(spare);
    spareCount_ = spares_.size();
  }
  (void)disk_.syncFolder(folder_);  // a retired segment that comes back after a power cut is only retired again
  return all;
}

// Allocated and written: blocks that never were cost each sync that reaches them a change of the file system's own books, too.
Result<std::string> SegmentSpace::prepare() {
  const std::string name = "spare-" + Id128::make(std::chrono::system_clock::now()).text();
  auto fd = disk_.open(folder_, name, O_RDWR | O_CREAT | O_EXCL);
  if (!fd) return fail(fd.error());
  Result<void> done = disk_.allocate(fd->get(), segmentSize_);
  for (std::uint64_t at = 0; done && at < segmentSize_ && !stopping_; at += kZeros) {
    done = writeZeros(disk_, fd->get(), at, std::min(kZeros, segmentSize_ - at));
  }
  if (done) return name;
  (void)disk_.unlink(folder_, name);
  return fail(done.error());
}

void SegmentSpace::work() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto ready = unpinned();
    if (!ready.empty()) {
      lock.unlock();
      const bool all = recycle(ready);
      lock.lock();
      if (all) continue;
    }
    if (spares_.size() < preparedAhead_) {
      lock.unlock();
      auto made = prepare();
      lock.lock();
      full_ = !made;
      if (made) {
        spares_.push_back(std::move(*made));
        spareCount_ = spares_.size();
        continue;
      }
    }
    if (stopping_) return;  // said while this thread was busy
    if (full_ || !retired_.empty()) {
      changed_.wait_for(lock, kTryAgain);
    } else {
      changed_.wait(lock);
    }
  }
}

}  // namespace ostler::journal
