// group_commit.h - Journal: batches of many callers, appended by one thread and made durable with one shared fdatasync.
// For a log with a single writing process (the spool). The store, where several processes take turns, uses SegmentWriter itself.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "libmailcore/base/units.h"
#include "libmailcore/base/unique_fd.h"
#include "libmailcore/journal/gather.h"
#include "libmailcore/journal/replay.h"

namespace ostler::journal {

struct JournalOptions {
  std::string folder;              ///< must be there
  ByteCount segmentSize = 64_MiB;  ///< a batch must fit into one segment
  unsigned preparedAhead = 2;      ///< segments made ready before they are needed; the last of them is kept for outcomes
  std::uint32_t user = 1;          ///< format version written into segment headers; a newer one found is refused
  std::chrono::microseconds gatherFor{2000};  ///< how long a sync may wait for batches that expectMore() announced
  const Disk* disk = &Disk::real();
};

/// One record to be written. It owns its content, alone or with others: a batch lives until its sync.
struct NewRecord {
  std::uint16_t type = 0;  ///< from 1
  std::string content;
  std::shared_ptr<const std::string> shared{};  ///< instead of `content`, for what others hold, too
  [[nodiscard]] std::string_view octets() const { return shared ? *shared : content; }
};

/// What a caller learns when its batch is synced: the place of each record.
using Committed = std::vector<Position>;

class Journal {
 public:
  /// Replays what is there from the segment `fromSegment` on into `each`. Older segments stay and can be read: an index may name
  /// their records, and whoever keeps it knows when they may go. New batches go to a new segment. Errors: permanent (a newer format, no folder), temporary.
  [[nodiscard]] static Result<std::unique_ptr<Journal>> open(JournalOptions options, std::uint64_t fromSegment,
                                                             const std::function<void(const Batch&)>& each);
  /// Writes and syncs what was appended, then ends.
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// Any thread. `done` is called on the journal's thread after the sync, in the order of appending, or with the error: then
  /// the batch will not be replayed once anything else was appended (temporary: write or sync failed, twice, in two
  /// segments; limit: the disk is full, or the batch is larger than a segment). Cannot be cancelled. REQUIRES: not empty.
  void append(std::vector<NewRecord> batch, std::function<void(Result<Committed>)> done);
  /// So many more batches are about to be appended soon: a hint to let them share a sync. Any thread.
  void expectMore(std::size_t batches);

  /// The content of a record. Any thread; blocks. Errors: permanent (damaged), notFound (its segment was retired).
  [[nodiscard]] Result<std::string> read(Position record) const;
  /// As read() of each, at the price of few system calls.
  [[nodiscard]] Gathered readAll(std::span<const Position> records) const;
  /// Keeps a segment from being recycled while held. Its descriptor is for reading; a record's content lies at
  /// offset + kRecordHeader. Errors: notFound.
  [[nodiscard]] Result<std::shared_ptr<const SegmentFile>> pin(std::uint64_t segment) const;

  [[nodiscard]] std::vector<std::uint64_t> segments() const;  ///< numbers, oldest first, the one being written last
  [[nodiscard]] std::uint64_t octetsOnDisk() const;           ///< segments and spares
  /// Segments below `segment` are no longer needed: their files are recycled or unlinked once nobody pins them.
  /// REQUIRES: what is live in them was appended again and synced, and an index that refers to them is synced without them.
  void retireBefore(std::uint64_t segment);
  [[nodiscard]] const std::vector<Damage>& damage() const;  ///< found at open
  /// Is there room for new mail of that size, the reserve for outcomes left untouched? Any thread; costs nothing.
  [[nodiscard]] bool hasRoom(std::uint64_t octets) const;

  struct Impl;
  explicit Journal(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace ostler::journal
