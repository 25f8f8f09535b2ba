#include "libmailcore/base/ascii.h"

#include <catch2/catch.hpp>

#include "libmailcore/base/base64.h"

using namespace ostler;

TEST_CASE("decimal numbers have digits alone and a maximum") {
  CHECK(parseDecimal("0") == 0);
  CHECK(parseDecimal("4294967295", 4294967295U) == 4294967295U);
  CHECK_FALSE(parseDecimal("4294967296", 4294967295U));
  CHECK_FALSE(parseDecimal("18446744073709551616"));
  for (const char* bad : {"", "-1", "+1", " 1", "1 ", "0x1", "1e3"}) CHECK_FALSE(parseDecimal(bad));
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
