// Who is disabled or removed does not stay logged in.
#include "tests/unit/imapd/house.h"

using namespace ostler;
using namespace ostler::imap;
using namespace std::chrono_literals;

namespace {

/// Sends a line, if there is one, and reads to the line that begins so. What was heard instead, or nothing.
Task<std::string> hear(net::Connection& client, std::string line, std::string wanted) {
  if (!line.empty()) client.write(line + "\r\n");
  for (;;) {
    const Result<std::string_view> heard = co_await client.readLine(10'000, Deadline::after(10s));
    if (!heard) co_return heard.error().detail + ", not " + wanted;
    if (heard->starts_with(wanted)) co_return std::string();
    if (heard->starts_with("* BYE")) co_return std::string(*heard);
  }
}

Task<bool> isClosed(net::Connection& client) {
  const Result<std::string_view> heard = co_await client.readLine(10'000, Deadline::after(10s));
  co_return !heard && heard.error().kind == Error::Kind::closed;
}

}  // namespace

TEST_CASE("sessions of a user who is disabled or removed end with BYE: in IDLE, and between two commands; others do not") {
  House house(net::IpAddress::v4({127, 0, 0, 1}));
  const auto says = [&house](const char* name, const char* line, const char* wanted) { return house.loop().runUntilDone(hear(house.connection(name), line, wanted)); };
  for (const char* const name : {"idle", "between"}) REQUIRE(says(name, "a LOGIN alice secret", "a OK").empty());
  REQUIRE(says("idle", "b SELECT INBOX", "b OK").empty());
  REQUIRE(says("idle", "c IDLE", "+ idling").empty());
  REQUIRE(says("nobody", "a NOOP", "a OK").empty());
  house.directory.disable("alice@example.test");
  CHECK(says("idle", "", "c NO [CONTACTADMIN]").empty());
  for (const char* const name : {"idle", "between"}) {
    CHECK(says(name, "", "* BYE [CONTACTADMIN]").empty());
    CHECK(house.loop().runUntilDone(isClosed(house.connection(name))));
  }
  CHECK(says("nobody", "b NOOP", "b OK").empty());
}
