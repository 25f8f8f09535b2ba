#include "libmailcore/smtp/xtext.h"

#include <catch2/catch.hpp>

namespace ostler::smtp {
namespace {

TEST_CASE("xtext: what is not an xchar is written in hexadecimal, and read back") {
  CHECK(encodeXtext("a+b=c d") == "a+2Bb+3Dc+20d");
  CHECK(decodeXtext("a+2Bb+3Dc+20d").value() == "a+b=c d");
}
TEST_CASE("xtext: a plus sign cut off at the end of the input is refused") {
  CHECK_FALSE(decodeXtext("a+2"));
  CHECK_FALSE(decodeXtext("a+"));
  CHECK_FALSE(decodeXtext("a=b"));
  CHECK_FALSE(decodeXtext("a b"));
  CHECK_FALSE(decodeXtext("a+GG"));
}
TEST_CASE("xtext: a UTF-8 address becomes ASCII and back") {
  CHECK(encodeUtf8AddressXtext("j\xc3\xbcr\\n+x@y").value() == "j\\x{FC}r\\x{5C}n\\x{2B}x@y");
  CHECK(decodeUtf8Address("j\\x{FC}r\\x{5C}n\\x{2B}x@y").value() == "j\xc3\xbcr\\n+x@y");
  CHECK(decodeUtf8Address("j\xc3\xbcr").value() == "j\xc3\xbcr");
  CHECK(decodeUtf8Address("\\x{1F600}").value() == "\xf0\x9f\x98\x80");
  CHECK_FALSE(encodeUtf8AddressXtext("\xff"));
}
TEST_CASE("xtext: a broken embedded character is refused") {
  const std::string bad =
      GENERATE("\\", "\\x{", "\\x{}", "\\x{D800}", "\\x{110000}", "\\x{1234567}", "\\x{G0}", "a b", "a+b", "\xff");
  CAPTURE(bad);
  CHECK_FALSE(decodeUtf8Address(bad));
}

}  // namespace
}  // namespace ostler::smtp
