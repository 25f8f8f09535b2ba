// space.h - the files of a journal: segments that are read, retired ones, and spares made ready ahead. One background thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "libmailcore/journal/segment.h"

namespace ostler::journal {

/// Any thread, unless said otherwise.
class SegmentSpace {
 public:
  /// `folder` stays open and owned by the caller, longer than this.
  SegmentSpace(int folder, std::uint64_t segmentSize, unsigned preparedAhead, const Disk& disk);
  ~SegmentSpace();
  SegmentSpace(const SegmentSpace&) = delete;
  SegmentSpace& operator=(const SegmentSpace&) = delete;

  /// Finds spares of an earlier life and starts the background thread.
  [[nodiscard]] Result<void> start();
  void add(std::shared_ptr<const SegmentFile> segment);
  [[nodiscard]] std::shared_ptr<const SegmentFile> find(std::uint64_t number) const;
  [[nodiscard]] std::vector<std::uint64_t> numbers() const;
  void retireBefore(std::uint64_t number);
  /// The name of a spare that is now the caller's; empty when there is none.
  [[nodiscard]] std::string takeSpare();
  [[nodiscard]] std::size_t spares() const { return spareCount_; }
  /// The last try to prepare a spare found no space.
  [[nodiscard]] bool diskFull() const { return full_; }
  [[nodiscard]] std::uint64_t octetsOnDisk() const;

 private:
  void work();
  [[nodiscard]] bool recycle(std::vector<std::uint64_t> numbers);
  [[nodiscard]] std::vector<std::uint64_t> unpinned();
  [[nodiscard]] Result<std::string> prepare();

  const int folder_;
  const std::uint64_t segmentSize_;
  const unsigned preparedAhead_;
  const Disk& disk_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::uint64_t, std::shared_ptr<const SegmentFile>> segments_;
  std::map<std::uint64_t, std::shared_ptr<const SegmentFile>> retired_;  // waiting for their last pin
  std::vector<std::string> spares_;
  std::atomic<std::size_t> spareCount_ = 0;
  std::atomic<bool> full_ = false;
  std::atomic<bool> stopping_ = false;  // set under the mutex
  std::thread thread_;
};

}  // namespace ostler::journal
