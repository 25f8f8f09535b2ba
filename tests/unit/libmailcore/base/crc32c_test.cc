#include <catch2/catch.hpp>
#include <random>
#include <string>

#include "libmailcore/base/crc32c.h"

using namespace ostler;

namespace {

/// As it is defined, bit by bit.
std::uint32_t byDefinition(std::string_view octets) {
  std::uint32_t crc = ~0U;
  for (const char octet : octets) {
    crc ^= static_cast<unsigned char>(octet);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0x82F63B78U : 0U);
  }
  return ~crc;
}

}  // namespace

TEST_CASE("CRC-32C gives the check value of its definition") { CHECK(crc32c("123456789") == 0xE3069283U); }

TEST_CASE("CRC-32C of any length, whole and in two pieces, is that of its definition") {
  std::mt19937 random(20);
  std::string octets(10'000, '\0');
  for (char& one : octets) one = static_cast<char>(random());
  for (const std::size_t length : {0U, 1U, 7U, 8U, 9U, 1024U, 3071U, 3072U, 3073U, 6144U, 9215U, 9216U, 9999U}) {
    INFO(length);
    const std::string_view text = std::string_view(octets).substr(1, length);
    const std::uint32_t whole = byDefinition(text);
    CHECK(crc32c(text) == whole);
    const std::size_t cut = random() % (length + 1);
    CHECK(crc32c(text.substr(cut), crc32c(text.substr(0, cut))) == whole);
  }
}
