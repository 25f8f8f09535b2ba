#include "libmailcore/base/ascii.h"

#include <catch2/catch.hpp>
#include <set>

#include "libmailcore/base/base64.h"
#include "libmailcore/base/random.h"

using namespace ostler;

TEST_CASE("decimal numbers have digits alone and a maximum") {
  CHECK(parseDecimal("0") == 0);
  CHECK(parseDecimal("4294967295", 4294967295U) == 4294967295U);
  CHECK_FALSE(parseDecimal("4294967296", 4294967295U));
  CHECK_FALSE(parseDecimal("18446744073709551616"));
  for (const char* bad : {"", "-1", "+1", " 1", "1 ", "0x1", "1e3"}) CHECK_FALSE(parseDecimal(bad));
}

TEST_CASE("secrets are equal when every octet is, whatever their lengths, and zero octets count") {
  using ostler::equalsConstantTime;
  CHECK(equalsConstantTime("", ""));
  CHECK(equalsConstantTime("secret", "secret"));
  const std::string zero("a\0b", 3);
  CHECK(equalsConstantTime(zero, zero));
  CHECK_FALSE(equalsConstantTime(zero, std::string("a\0c", 3)));
  CHECK_FALSE(equalsConstantTime(zero, "a"));
  for (const char* const other : {"", "s", "secre", "secrets", "Secret", "secreT", "seCret", "terces"}) {
    INFO(other);
    CHECK_FALSE(equalsConstantTime("secret", other));
    CHECK_FALSE(equalsConstantTime(other, "secret"));
  }
  // Each bit of each octet counts, up to the last of a long one.
  const std::string whole(300, 'x');
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ (1 << (at % 8)));
    CHECK_FALSE(equalsConstantTime(whole, changed));
  }
}

TEST_CASE("random octets are as many as asked for and never the same twice; a random number is below its bound") {
  CHECK(ostler::randomOctets(0).empty());
  std::set<std::string> seen;
  std::set<std::uint64_t> numbers;
  for (int n = 0; n < 1'000; ++n) {
    const std::string octets = ostler::randomOctets(16);
    CHECK(octets.size() == 16);
    CHECK(seen.insert(octets).second);
    numbers.insert(ostler::randomBelow(7));
  }
  CHECK(numbers == std::set<std::uint64_t>{0, 1, 2, 3, 4, 5, 6});
  CHECK(ostler::randomBelow(1) == 0);
}

TEST_CASE("UTF-8 that is overlong, a surrogate or cut off is invalid") {
  CHECK(isValidUtf8("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x93\xA7"));
  for (const char* bad : {"\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xE2\x82", "\x80"}) {
    CHECK_FALSE(isValidUtf8(bad));
  }
}

TEST_CASE("base64 is strict and survives a round trip") {
  for (const char* text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"}) CHECK(decodeBase64(encodeBase64(text)).value() == text);
  for (const char* bad : {"Zg", "Zg=", "Z===", "====", "Zg==Zg==", "Zm9v\n", "Zm9-"}) CHECK_FALSE(decodeBase64(bad));
}
