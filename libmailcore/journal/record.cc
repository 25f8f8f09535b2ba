#include "libmailcore/journal/record.h"

#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace ostler::journal {
namespace {

constexpr std::uint64_t kLastMark = 1;
constexpr std::uint64_t kFirstMark = 2;
constexpr unsigned kMarks = 2;

constexpr std::array<std::uint32_t, 256> makeTable() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t octet = 0; octet < 256; ++octet) {
    std::uint32_t crc = octet;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0x82F63B78U : 0);
    table[octet] = crc;
  }
  return table;
}
constexpr auto kTable = makeTable();

std::uint32_t updateByTable(std::string_view octets, std::uint32_t crc) {
  for (const char c : octets) crc = kTable[(crc ^ static_cast<unsigned char>(c)) & 0xFFU] ^ (crc >> 8);
  return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t updateByInstruction(std::string_view octets, std::uint32_t crc) {
  std::uint64_t wide = crc;
  for (; octets.size() >= 8; octets.remove_prefix(8)) {
    std::uint64_t word = 0;
    std::memcpy(&word, octets.data(), 8);
    wide = _mm_crc32_u64(wide, word);
  }
  auto narrow = static_cast<std::uint32_t>(wide);
  for (const char c : octets) narrow = _mm_crc32_u8(narrow, static_cast<unsigned char>(c));
  return narrow;
}
#endif

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

std::uint32_t crc32c(std::string_view octets, std::uint32_t seed) {
#if defined(__x86_64__)
  static const bool hasInstruction = __builtin_cpu_supports("sse4.2");
  if (hasInstruction) return ~updateByInstruction(octets, ~seed);
#endif
  return ~updateByTable(octets, ~seed);
}

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
