// record.h - one record of a segment: how it lies on disk and how it is checked. Pure of files and of mail.
//
//   record   = header content padding      ; padding: zeroes up to a multiple of 8
//   header   = crc link length type batch flags     ; 24 octets, little-endian
//   crc      = 4 octets  ; CRC32C over segment id, offset of the record in the segment, and the rest of header and content
//   link     = 4 octets  ; crc of the record before it in this segment; of the first: crc of the segment header
//   length   = 4 octets  ; of the content
//   type     = 2 octets  ; the user's; 0 is the end of a sealed segment
//   flags    = 2 octets  ; bit 0: last record of its batch
//   batch    = 8 octets  ; number of the batch; counts up by one over all segments of a journal
//
// The crc names segment and offset, so that what an earlier life of a recycled segment left behind never comes alive.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "libmailcore/base/ids.h"

namespace ostler::journal {

/// CRC32C (Castagnoli), continued from `seed`. Uses the CPU's instruction where there is one.
[[nodiscard]] std::uint32_t crc32c(std::string_view octets, std::uint32_t seed = 0);

inline constexpr std::size_t kRecordHeader = 24;
inline constexpr std::uint16_t kLastOfBatch = 1;

struct RecordHeader {
  std::uint32_t crc = 0;
  std::uint32_t link = 0;
  std::uint32_t length = 0;
  std::uint16_t type = 0;
  std::uint16_t flags = 0;
  std::uint64_t batch = 0;
};

/// Octets that a record of that content length takes in a segment.
[[nodiscard]] constexpr std::uint64_t recordSpan(std::uint64_t contentLength) {
  return (kRecordHeader + contentLength + 7) / 8 * 8;
}
/// Appends the record to `out` and returns its crc, the next one's link.
std::uint32_t appendRecord(std::string& out, const Id128& segment, std::uint64_t offset, std::uint32_t link, std::uint16_t type,
                           std::uint16_t flags, std::uint64_t batch, std::string_view content);
/// The header at the start of `octets`, if there are 24; nothing is checked.
[[nodiscard]] std::optional<RecordHeader> readRecordHeader(std::string_view octets);
/// Is `octets` (header and content, at least) the record that belongs at this place?
[[nodiscard]] bool recordIsSound(std::string_view octets, const Id128& segment, std::uint64_t offset);

}  // namespace ostler::journal
