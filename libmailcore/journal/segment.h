// segment.h - a segment: a preallocated file of records. Made, opened for appending by its maker alone, read by anybody.
//
//   segment header = magic(8) "ostlerJ1" id(16) predecessor(16) number(8) firstBatch(8) size(8) user(4) crc(4)   ; in the first 4096 octets
//
// Files of a journal folder: `NNNNNNNNNNNNNNNN.seg` by number in hexadecimal; `spare-ID` while prepared.
// Durability words: *appended* is in the file's pages, *synced* survives a power cut.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "libmailcore/base/ids.h"
#include "libmailcore/base/result.h"
#include "libmailcore/base/unique_fd.h"
#include "libmailcore/journal/record.h"

namespace ostler::journal {

inline constexpr std::uint64_t kSegmentStart = 4096;  ///< offset of the first record

struct SegmentHeader {
  Id128 id;
  Id128 predecessor;  ///< null: the first
  std::uint64_t number = 0;
  std::uint64_t firstBatch = 1;
  std::uint64_t size = 0;  ///< octets preallocated
  std::uint32_t user = 0;  ///< format version of the user's records
  std::uint32_t crc = 0;   ///< of the above; the link of the first record
};

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
  Position at;                        ///< of the record's header
  [[nodiscard]] std::uint64_t contentOffset() const { return at.offset + kRecordHeader; }
  std::string_view content;
};

/// The folder's segments by number. Errors: permanent. Names that are no segments are left alone.
[[nodiscard]] Result<std::vector<std::uint64_t>> listSegments(int folder);
[[nodiscard]] std::string segmentName(std::uint64_t number);

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

/// The one who appends to a segment: only the one who made it. One thread.
class SegmentWriter {
 public:
  /// Makes segment `number` after `predecessor`: preallocates, writes and syncs the header, then names it and syncs the folder.
  /// `reuse`: an old segment's name, whose file becomes this one. Errors: limit (disk full), temporary.
  [[nodiscard]] static Result<std::unique_ptr<SegmentWriter>> create(int folder, const SegmentHeader& header,
                                                                     const std::string& reuse = "");
  /// Opens a segment to append after its last sound record, for journals with several writers that take turns under a lock of
  /// their own. REQUIRES: the caller replayed it up to `end` with link `link`. The file is synced first, so that what another
  /// process appended and did not sync cannot be lost after it was read.
  [[nodiscard]] static Result<std::unique_ptr<SegmentWriter>> resume(int folder, std::uint64_t number, std::uint64_t end,
                                                                     std::uint32_t link);
  SegmentWriter(UniqueFd fd, const SegmentHeader& header, std::uint64_t end, std::uint32_t link)
      : fd_(std::move(fd)), header_(header), end_(end), link_(link) {}

  [[nodiscard]] bool fits(std::uint64_t octets) const { return octets <= header_.size - end_; }
  struct Item {
    std::uint16_t type = 0;
    std::string_view content;
  };
  /// Appends the records of one batch with one write. REQUIRES: fits(sum of recordSpan). Returns the place of each.
  /// Errors: temporary, limit (no space): nothing of the batch will ever be replayed; the segment is poisoned.
  [[nodiscard]] Result<std::vector<Position>> append(std::uint64_t batch, const std::vector<Item>& items);
  /// One fdatasync. Errors: temporary; the segment is poisoned: never synced, never appended to again.
  [[nodiscard]] Result<void> sync();
  [[nodiscard]] bool poisoned() const { return poisoned_; }
  [[nodiscard]] const SegmentHeader& header() const { return header_; }
  [[nodiscard]] std::uint64_t end() const { return end_; }
  [[nodiscard]] std::uint32_t link() const { return link_; }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
  SegmentHeader header_;
  std::uint64_t end_ = kSegmentStart;
  std::uint32_t link_ = 0;
  std::string buffer_;
  bool poisoned_ = false;
};

}  // namespace ostler::journal
