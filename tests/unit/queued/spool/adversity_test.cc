// What goes wrong around the spool: a clock that jumps, a DNS that is dead, a message that kills whoever sends it.
#include <catch2/catch.hpp>

#include "libmailcore/ipc/sending.h"
#include "tests/unit/queued/spool/spool_fixture.h"

using namespace ostler;
using namespace ostler::spool;

namespace {

bool lists(SpoolFixture& spool, const char* what) { return spool.ask({"queue", "list"}).output.find(what) != std::string::npos; }

}  // namespace

TEST_CASE("a message of which role out dies each time waits its interval, and others get through meanwhile") {
  SpoolFixture spool;
  spool.kills = [](const ipc::Deliver& request) { return request.envelope.recipients.at(0).forwardPath.starts_with("poison"); };
  spool.start();
  REQUIRE(spool.send("alice@example.test", {"poison@far.test"}, kText, spool.loggedIn()));
  // Twice it is tried again soon: it may have been an accident.
  REQUIRE(spool.waitFor([&] { return spool.killed == 3; }, std::chrono::seconds(30)));
  REQUIRE(spool.waitFor([&] { return lists(spool, "again and again"); }));
  CHECK(lists(spool, "attempts=1"));
  REQUIRE(spool.send("alice@example.test", {"fine@far.test"}, kText, spool.loggedIn()));
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 1; }));
  CHECK(spool.killed == 3);
}

TEST_CASE("more messages than may run at once are due together, and go without a pause between them") {
  SpoolFixture house;
  house.start();
  auto drained = [&house, next = 0](int count) mutable {
    house.ask({"queue", "freeze", "--all"});
    for (const int end = next + count; next < end; ++next) {
      REQUIRE(house.send("alice@example.test", {"u" + std::to_string(next) + "@remote.test"}, "Subject: one of many\r\n\r\nx\r\n", house.loggedIn()));
    }
    const SteadyTime begin = std::chrono::steady_clock::now();
    house.ask({"queue", "thaw", "--all"});
    CHECK(house.ask({"queue", "wait", "--empty", "--timeout", "60"}).exitCode == 0);
    return std::chrono::steady_clock::now() - begin;
  };
  const auto few = drained(800);    // fewer than may run at once
  const auto many = drained(2400);
  CHECK(many < few * 6 + std::chrono::seconds(2));  // a pause was five seconds
}

TEST_CASE("a clock that is set back for a day and forward again neither loses a message nor gives it up") {
  SpoolFixture spool;
  spool.outState = ipc::RecipientOutcome::State::deferred;
  spool.outReply = {450, "4.2.0", "later"};
  spool.start();
  REQUIRE(spool.send("alice@example.test", {"x@far.test"}, kText, spool.loggedIn()));
  REQUIRE(spool.waitFor([&] { return lists(spool, "deferred"); }));
  spool.skip(-std::chrono::hours(24));
  REQUIRE(spool.send("b@other.test", {"bob@example.test"}, kText));
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("bob").size() == 1; }));
  spool.restart();
  CHECK(lists(spool, "x@far.test"));
  CHECK(spool.mailboxOf("alice").empty());
  spool.outState = ipc::RecipientOutcome::State::delivered;
  spool.skip(std::chrono::hours(25));
  REQUIRE(spool.waitFor([&] { return lists(spool, "The queue is empty"); }, std::chrono::seconds(15)));
  CHECK(spool.mailboxOf("alice").empty());
}

TEST_CASE("with a dead DNS mail for elsewhere waits with the reason, local mail flows, and nothing is asked without a pause") {
  SpoolFixture spool;
  spool.outState = ipc::RecipientOutcome::State::deferred;
  spool.outReply = {451, "4.4.3", "DNS gives no answer about far.test"};
  spool.outHost.clear();
  spool.start();
  for (int n = 0; n < 50; ++n) REQUIRE(spool.send("alice@example.test", {"x" + std::to_string(n) + "@far.test"}, kText, spool.loggedIn()));
  REQUIRE(spool.send("alice@example.test", {"bob@example.test"}, kText, spool.loggedIn()));
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("bob").size() == 1; }));
  REQUIRE(spool.waitFor([&] { return lists(spool, "4.4.3"); }));
  const std::size_t asked = spool.sent.size();
  spool.loop().runUntilDone(spool.loop().sleepUntil(Deadline::after(std::chrono::seconds(2))));
  CHECK(asked <= 10);
  CHECK(spool.sent.size() <= asked);
  CHECK(spool.ask({"queue", "destinations"}).output.find("\"state\":\"retry\"") != std::string::npos);
}
