#include "libmailcore/journal/record.h"

#include "libmailcore/base/crc32c.h"

namespace ostler::journal {
namespace {

constexpr std::uint64_t kLastMark = 1;
constexpr std::uint64_t kFirstMark = 2;
constexpr unsigned kMarks = 2;

void putNumber(char* at, std::uint64_t value, std::size_t octets) {
  for (std::size_t i = 0; i < octets; ++i) at[i] = static_cast<char>(value >> (8 * i));
}

std::uint64_t getNumber(const char* at, std::size_t octets) {
  std::uint64_t value = 0;
  for (std::size_t i = octets; i-- > 0;) value = value << 8 | static_cast<unsigned char>(at[i]);
  return value;
}

// The crc of a record: its place, then everything of it but the crc itself.
std::uint32_t recordCrc(std::string_view headerAfterCrc, std::string_view content, std::string_view rest, const Id128& segment,
                        std::uint64_t offset) {
  std::array<char, 8> place{};
  putNumber(place.data(), offset, 8);
  std::uint32_t crc = crc32c(segment.octets());
  crc = crc32c({place.data(), place.size()}, crc);
  crc = crc32c(headerAfterCrc, crc);
  return crc32c(rest, crc32c(content, crc));
}

}  // namespace

std::array<char, kRecordHeader> sealRecord(RecordHeader& header, std::string_view content, const Id128& segment,
                                           std::uint64_t offset) {
  std::array<char, kRecordHeader> octets{};
  header.length = static_cast<std::uint32_t>(content.size());
  putNumber(&octets[4], header.link, 4);
  putNumber(&octets[8], header.length, 4);
  putNumber(&octets[12], header.type, 2);
  const std::uint64_t marks = (header.lastOfBatch ? kLastMark : 0) | (header.firstOfBatch ? kFirstMark : 0);
  putNumber(&octets[14], marks | header.unsynced << kMarks, 2);
  putNumber(&octets[16], header.batch, 8);
  header.crc = recordCrc({&octets[4], kRecordHeader - 4}, content, {}, segment, offset);
  putNumber(octets.data(), header.crc, 4);
  return octets;
}

std::optional<RecordHeader> readRecordHeader(std::string_view octets) {
  if (octets.size() < kRecordHeader) return std::nullopt;
  const char* const at = octets.data();
  RecordHeader header;
  header.crc = static_cast<std::uint32_t>(getNumber(at, 4));
  header.link = static_cast<std::uint32_t>(getNumber(at + 4, 4));
  header.length = static_cast<std::uint32_t>(getNumber(at + 8, 4));
  header.type = static_cast<std::uint16_t>(getNumber(at + 12, 2));
  const std::uint64_t flags = getNumber(at + 14, 2);
  header.lastOfBatch = (flags & kLastMark) != 0;
  header.firstOfBatch = (flags & kFirstMark) != 0;
  header.unsynced = flags >> kMarks;
  header.batch = getNumber(at + 16, 8);
  return header;
}

bool recordIsSound(std::string_view headerOctets, std::string_view content, const Id128& segment, std::uint64_t offset,
                   std::string_view restOfContent) {
  const auto header = readRecordHeader(headerOctets);
  if (!header || header->length != content.size() + restOfContent.size()) return false;
  return header->crc == recordCrc(headerOctets.substr(4, kRecordHeader - 4), content, restOfContent, segment, offset);
}

}  // namespace ostler::journal
