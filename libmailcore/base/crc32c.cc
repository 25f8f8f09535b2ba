#include "libmailcore/base/crc32c.h"

#include <array>
#include <cstddef>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace ostler {
namespace {

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

/// What a sum becomes behind so many zero octets. That is linear in its bits, so a table for each of its octets holds it.
class BehindZeros {
 public:
  explicit BehindZeros(std::size_t zeros) {
    for (std::size_t at = 0; at < tables_.size(); ++at) {
      for (std::uint32_t bit = 0; bit < 8; ++bit) {
        std::uint32_t crc = 1U << (8 * at + bit);
        for (std::size_t n = 0; n < zeros; ++n) crc = kTable[crc & 0xFFU] ^ (crc >> 8);
        for (std::size_t octet = 0; octet < 256; ++octet) {
          if ((octet >> bit & 1U) != 0) tables_[at][octet] ^= crc;
        }
      }
    }
  }
  [[nodiscard]] std::uint32_t operator()(std::uint32_t crc) const {
    return tables_[0][crc & 0xFFU] ^ tables_[1][crc >> 8 & 0xFFU] ^ tables_[2][crc >> 16 & 0xFFU] ^ tables_[3][crc >> 24];
  }

 private:
  std::array<std::array<std::uint32_t, 256>, 4> tables_{};
};

/// Three of these are summed side by side: the instruction takes three cycles, and one may begin in each.
constexpr std::size_t kStretch = 1024;

std::uint64_t wordAt(const char* octets) {
  std::uint64_t word = 0;
  std::memcpy(&word, octets, sizeof word);
  return word;
}

__attribute__((target("sse4.2"))) std::uint32_t updateByInstruction(std::string_view octets, std::uint32_t crc) {
  static const BehindZeros behindOne(kStretch);
  for (; octets.size() >= 3 * kStretch; octets.remove_prefix(3 * kStretch)) {
    std::uint64_t first = crc;
    std::uint64_t second = 0;
    std::uint64_t third = 0;
    for (const char* at = octets.data(); at != octets.data() + kStretch; at += 8) {
      first = _mm_crc32_u64(first, wordAt(at));
      second = _mm_crc32_u64(second, wordAt(at + kStretch));
      third = _mm_crc32_u64(third, wordAt(at + 2 * kStretch));
    }
    crc = behindOne(behindOne(static_cast<std::uint32_t>(first)) ^ static_cast<std::uint32_t>(second)) ^ static_cast<std::uint32_t>(third);
  }
  std::uint64_t wide = crc;
  for (; octets.size() >= 8; octets.remove_prefix(8)) wide = _mm_crc32_u64(wide, wordAt(octets.data()));
  crc = static_cast<std::uint32_t>(wide);
  for (const char c : octets) crc = _mm_crc32_u8(crc, static_cast<unsigned char>(c));
  return crc;
}

#endif

}  // namespace

std::uint32_t crc32c(std::string_view octets, std::uint32_t seed) {
#if defined(__x86_64__)
  static const bool hasInstruction = __builtin_cpu_supports("sse4.2");
  if (hasInstruction) return ~updateByInstruction(octets, ~seed);
#endif
  return ~updateByTable(octets, ~seed);
}

}  // namespace ostler
