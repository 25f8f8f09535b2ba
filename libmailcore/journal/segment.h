// segment.h - a segment: a preallocated file of records. Made, opened for appending by one writer, read by anybody.
//
//   segment header = magic(8) id(16) predecessor(16) number(8) firstBatch(8) size(8) user(4) crc(4)   ; 72 octets at offset 0
//   records        ; from offset 4096 on
//
// Files of a journal folder: `NNNNNNNNNNNNNNNN.seg` by number in hexadecimal; `spare-*`: prepared or retired, never replayed.
// Batches of a segment from the next one's firstBatch on were never acknowledged (their write or sync failed): they do not count.
// Durability words: *appended* is in the file's pages, *synced* survives a power cut.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "libmailcore/base/ids.h"
#include "libmailcore/base/result.h"
#include "libmailcore/base/unique_fd.h"
#include "libmailcore/journal/disk.h"
#include "libmailcore/journal/record.h"

namespace ostler::journal {

inline constexpr std::uint64_t kSegmentStart = 4096;  ///< offset of the first record
inline constexpr std::size_t kSegmentHeader = 72;

struct SegmentHeader {
  Id128 id;
  Id128 predecessor;  ///< null: the first
  std::uint64_t number = 0;
  std::uint64_t firstBatch = 1;
  std::uint64_t size = 0;  ///< octets preallocated
  std::uint32_t user = 0;  ///< format version of the user's records
  std::uint32_t crc = 0;   ///< of the above; the link of the first record
};

[[nodiscard]] std::string encodeSegmentHeader(SegmentHeader& header);  ///< fills in header.crc
/// Errors: permanent (no segment header, damaged).
[[nodiscard]] Result<SegmentHeader> decodeSegmentHeader(std::string_view octets);

/// Where a record lies. Ordered as the log is.
struct Position {
  std::uint64_t segment = 0;  ///< number
  std::uint64_t offset = 0;
  auto operator<=>(const Position&) const = default;
};

/// A record as it is read back; `content` is valid as long as what it was read from.
struct Record {
  std::uint16_t type = 0;
  std::uint64_t batch = 0;
  Position at;  ///< of the record's header
  std::string_view content;
  [[nodiscard]] std::uint64_t contentOffset() const { return at.offset + kRecordHeader; }
};

/// The end of a log: the place, link and number of what comes next.
struct LogEnd {
  std::uint64_t segment = 0;  ///< 0: there is no segment yet
  std::uint64_t offset = kSegmentStart;
  std::uint32_t link = 0;
  std::uint64_t nextBatch = 1;
  auto operator<=>(const LogEnd&) const = default;
};

[[nodiscard]] std::string segmentName(std::uint64_t number);
/// The folder's segments by number, ascending. Names that are no segments are left alone. Errors: temporary.
[[nodiscard]] Result<std::vector<std::uint64_t>> listSegments(int folder);
/// Names of `spare-*` files. Errors: temporary.
[[nodiscard]] Result<std::vector<std::string>> listSpares(int folder);

/// A segment that is read: an open descriptor and a checked header. Any thread.
class SegmentFile {
 public:
  /// Errors: notFound; permanent (not a segment, header damaged).
  [[nodiscard]] static Result<std::shared_ptr<const SegmentFile>> open(int folder, std::uint64_t number);
  SegmentFile(UniqueFd fd, SegmentHeader header) : fd_(std::move(fd)), header_(header) {}
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const SegmentHeader& header() const { return header_; }
  /// Checks a single record and returns its content. Errors: permanent (damaged), temporary (read error).
  [[nodiscard]] Result<std::string> readRecord(std::uint64_t offset) const;

 private:
  UniqueFd fd_;
  SegmentHeader header_;
};

/// The one who appends to a segment. One thread.
class SegmentWriter {
 public:
  /// Makes segment header.number: preallocates, writes and syncs the header, then names it and syncs the folder.
  /// `spare`: the name of a prepared or retired file that becomes this segment; empty: a new file.
  /// Errors: limit (disk full), temporary: nothing by the segment's name is there; outcomeUnknown: it has its name, perhaps not
  /// for ever. Then batches from its firstBatch on would not count in the segment before it: that one is at its end.
  [[nodiscard]] static Result<std::unique_ptr<SegmentWriter>> create(int folder, SegmentHeader header, const std::string& spare = "",
                                                                     const Disk& disk = Disk::real());
  /// Opens a segment to append after `end`, for journals whose writers take turns under a lock of their own.
  /// REQUIRES: the caller holds that lock and replayed up to `end` under it. The file is synced first: what another process
  /// appended, did not sync and we have read cannot be lost afterwards. Errors: temporary (the sync failed: make a new
  /// segment with firstBatch = end.nextBatch instead), permanent.
  [[nodiscard]] static Result<std::unique_ptr<SegmentWriter>> resume(int folder, const LogEnd& end,
                                                                     const Disk& disk = Disk::real());
  SegmentWriter(UniqueFd fd, const SegmentHeader& header, const LogEnd& end, const Disk& disk)
      : fd_(std::move(fd)), header_(header), end_(end), syncedThrough_(end.nextBatch - 1), disk_(&disk) {}

  /// Does a batch of records with these spans fit, and does it not wait too long for a sync?
  [[nodiscard]] bool fits(std::uint64_t spans) const {
    return spans <= header_.size - end_.offset && end_.nextBatch - syncedThrough_ <= kMaxUnsynced;
  }
  struct Item {
    std::uint16_t type = 0;  ///< from 1
    std::string_view content;
  };
  /// Appends the records of batch end().nextBatch with one write. REQUIRES: fits(sum of recordSpan), items not empty.
  /// Errors: temporary, limit: the segment is poisoned, and the batch will not count once a next segment is made.
  [[nodiscard]] Result<std::vector<Position>> append(const std::vector<Item>& items);
  /// One fdatasync. Errors: temporary; the segment is poisoned: never synced, never appended to again.
  [[nodiscard]] Result<void> sync();
  [[nodiscard]] bool poisoned() const { return poisoned_; }
  [[nodiscard]] const SegmentHeader& header() const { return header_; }
  [[nodiscard]] const LogEnd& end() const { return end_; }
  [[nodiscard]] std::uint64_t syncedThrough() const { return syncedThrough_; }  ///< last batch that is synced
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
  SegmentHeader header_;
  LogEnd end_;
  std::uint64_t syncedThrough_;
  const Disk* disk_;
  bool poisoned_ = false;
};

}  // namespace ostler::journal
