#include "libmailcore/smtp/xclient.h"

#include <catch2/catch.hpp>

namespace ostler::smtp {
namespace {

const std::vector<std::string_view> kKnown = {"NAME", "ADDR", "PORT"};

TEST_CASE("xclient: attributes are read decoded, and what is not known is told apart from what is empty") {
  const auto read = parseAttributes("name=mail.example.com ADDR=IPV6:2001:db8::1 PORT=[UNAVAILABLE]", kKnown);
  REQUIRE(read);
  CHECK(*read == std::vector<Attribute>{{"NAME", "mail.example.com"}, {"ADDR", "IPV6:2001:db8::1"}, {"PORT", std::nullopt}});
  CHECK(bareAddress(*(*read)[1].value) == "2001:db8::1");
  CHECK(bareAddress("192.0.2.1") == "192.0.2.1");
  CHECK(parseAttributes("NAME=a+2Bb", kKnown)->front().value == "a+b");
}

TEST_CASE("xclient: what would break out of a log line or a trace field is refused") {
  const std::string bad = GENERATE("", "NAME", "NAME=", "NAME=a+0Ab", "NAME=a+20b", "NAME=+", "NAME=a NAME=b", "NAME=a+C3+BC");
  CAPTURE(bad);
  CHECK(parseAttributes(bad, kKnown).error().kind == Error::Kind::syntax);
  CHECK(parseAttributes("NAME=" + std::string(300, 'x'), kKnown).error().kind == Error::Kind::syntax);
}

TEST_CASE("xclient: an attribute nobody asked for is refused") {
  CHECK(parseAttributes("LOGIN=alice", kKnown).error().kind == Error::Kind::notFound);
}

}  // namespace
}  // namespace ostler::smtp
