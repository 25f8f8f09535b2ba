#include "libmailcore/base/ids.h"

#include <catch2/catch.hpp>

using ostler::Id128;

TEST_CASE("an id survives its text form") {
  const Id128 id = Id128::make(ostler::fromUnixMillis(1'790'000'000'123));
  REQUIRE(id.text().size() == 26);
  CHECK(Id128::parse(id.text()) == id);
  CHECK(Id128::fromOctets(id.octets()) == id);
}

TEST_CASE("an id tells when it was made") {
  constexpr std::int64_t kMillis = 1'790'000'000'123;
  std::string octets(16, 'x');
  for (std::size_t at = 0; at < 6; ++at) octets[at] = static_cast<char>(kMillis >> (40 - 8 * at) & 0xFF);
  CHECK(ostler::toUnixMillis(Id128::fromOctets(octets).value().time()) == kMillis);
}

TEST_CASE("later ids are greater, as values and as text, within one millisecond too") {
  const ostler::WallTime now = ostler::fromUnixMillis(1'790'000'000'123);
  Id128 last = Id128::make(now);
  for (int i = 0; i < 1000; ++i) {
    const Id128 next = Id128::make(now);
    REQUIRE(last < next);
    REQUIRE(last.text() < next.text());
    last = next;
  }
}

TEST_CASE("what is not an id is refused") {
  CHECK_FALSE(Id128::parse(""));
  CHECK_FALSE(Id128::parse("8zzzzzzzzzzzzzzzzzzzzzzzzz"));
  CHECK_FALSE(Id128::parse("0000000000000000000000000u"));
  CHECK_FALSE(Id128::fromOctets("short"));
}
