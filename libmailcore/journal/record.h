// record.h - one record of a segment: how it lies on disk and how it is checked. Pure of files and of mail.
//
//   record   = header content padding      ; padding: zeroes up to a multiple of 8
//   header   = crc link length type flags batch     ; 24 octets, little-endian
//   crc      = 4 octets  ; CRC32C over segment id, offset of the record in the segment, and the rest of header and content
//   link     = 4 octets  ; crc of the record before it in this segment; of the first: crc of the segment header
//   length   = 4 octets  ; of the content
//   type     = 2 octets  ; the user's, from 1
//   flags    = 2 octets  ; bit 0: last record of its batch; bit 1: first; bits 2-15: batches not synced yet, this one counted
//   batch    = 8 octets  ; number of the batch; counts up by one over all segments of a journal
//
// The crc names segment and offset, so that what an earlier life of a recycled segment left behind never comes alive.
// Batch minus the count in the flags is the last batch known to be synced when the record was written: it tells a torn tail
// (what is missing was never synced) from corruption (it was).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "libmailcore/base/ids.h"

namespace ostler::journal {

inline constexpr std::size_t kRecordHeader = 24;
inline constexpr std::uint64_t kMaxUnsynced = 0x3FFF;  ///< batches between two syncs

struct RecordHeader {
  std::uint32_t crc = 0;
  std::uint32_t link = 0;
  std::uint32_t length = 0;
  std::uint16_t type = 0;
  bool firstOfBatch = false;
  bool lastOfBatch = false;
  std::uint64_t unsynced = 1;  ///< 1..kMaxUnsynced: this batch and those before it that were not synced yet
  std::uint64_t batch = 0;
  [[nodiscard]] std::uint64_t syncedThrough() const { return batch - unsynced; }
};

/// Octets that a record of that content length takes in a segment.
[[nodiscard]] constexpr std::uint64_t recordSpan(std::uint64_t contentLength) {
  return (kRecordHeader + contentLength + 7) / 8 * 8;
}
/// The header's octets, with the crc that it puts into `header` (crc and length are filled in).
[[nodiscard]] std::array<char, kRecordHeader> sealRecord(RecordHeader& header, std::string_view content, const Id128& segment,
                                                         std::uint64_t offset);
/// The header at the start of `octets`, if there are 24; nothing is checked.
[[nodiscard]] std::optional<RecordHeader> readRecordHeader(std::string_view octets);
/// Is this content of a record with this header, at this place? It may lie in two pieces.
[[nodiscard]] bool recordIsSound(std::string_view headerOctets, std::string_view content, const Id128& segment,
                                 std::uint64_t offset, std::string_view restOfContent = {});

}  // namespace ostler::journal
