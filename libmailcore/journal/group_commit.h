// group_commit.h - Journal: batches of many callers, appended by one thread and made durable with one shared fdatasync.
// For a log with a single writing process (the spool). The store, where several processes take turns, uses SegmentWriter itself.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "libmailcore/base/units.h"
#include "libmailcore/base/unique_fd.h"
#include "libmailcore/journal/replay.h"

namespace ostler::journal {

struct JournalOptions {
  std::string folder;
  ByteCount segmentSize = 64_MiB;  ///< a batch must fit into one segment
  unsigned preparedAhead = 2;      ///< segments made ready before they are needed
  std::uint32_t user = 1;          ///< format version written into segment headers; a newer one found is refused
};

/// One record to be written. It owns its content: a batch lives until its sync.
struct NewRecord {
  std::uint16_t type = 0;
  std::string content;
};

/// What a caller learns when its batch is synced: the place of each record.
using Committed = std::vector<Position>;

class Journal {
 public:
  /// Replays what is there from `from` on into `each`, then opens a new segment for appending (a process appends to no segment
  /// it did not make). Errors: permanent, temporary.
  [[nodiscard]] static Result<std::unique_ptr<Journal>> open(JournalOptions options, Position from,
                                                             const std::function<void(const Batch&)>& each);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// Any thread. `done` is called on the journal's thread after the sync (order of appending), or with the error: then
  /// nothing of the batch is replayed (temporary: write or sync failed, segment poisoned and a new one opened; limit: the disk
  /// is full). Cannot be cancelled.
  void append(std::vector<NewRecord> batch, std::function<void(Result<Committed>)> done);

  /// The content of a record. Any thread; blocks. Errors: permanent (damaged), notFound (its segment was retired).
  [[nodiscard]] Result<std::string> read(Position record) const;
  /// Keeps its segment from being recycled while held. Descriptor is read-only; content at record.offset + kRecordHeader.
  [[nodiscard]] Result<std::shared_ptr<const SegmentFile>> pin(std::uint64_t segment) const;

  [[nodiscard]] std::vector<std::uint64_t> segments() const;  ///< numbers, oldest first, the one being written last
  [[nodiscard]] std::uint64_t octetsOnDisk() const;
  /// Segments below `segment` are no longer needed: their files are recycled or unlinked once nobody pins them.
  /// REQUIRES: what is live in them was appended again and synced, and the index that no longer refers to them is synced.
  void retireBefore(std::uint64_t segment);
  [[nodiscard]] const std::vector<Damage>& damage() const;  ///< found at open
  /// Is there room for new mail, with the reserve for outcomes left untouched?
  [[nodiscard]] bool hasRoom(std::uint64_t octets) const;

 private:
  struct Impl;
  explicit Journal(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ostler::journal
