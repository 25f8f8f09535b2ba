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

namespace {

/// More messages than are looked at together; the directory is slow about each of their domains.
constexpr int kBacklog = 2600;
void queueBacklog(SpoolFixture& spool) {
  spool.ask({"queue", "freeze", "--all"});
  std::vector<std::string> all;
  for (int n = 0; n < kBacklog; ++n) all.push_back("u@h" + std::to_string(n) + ".slow.test");
  spool.sendToEach("alice@example.test", all, "Subject: one of many\r\n\r\nx\r\n", spool.loggedIn());
  spool.restart();  // it has asked for them before
  spool.resolved = 0;
}

}  // namespace

TEST_CASE("new mail does not wait for a backlog of which the directory says nothing") {
  SpoolFixture spool;
  spool.start();
  queueBacklog(spool);
  spool.holdsBack = [](const std::string& address) { return address.ends_with(".slow.test"); };
  spool.ask({"queue", "thaw", "--all"});
  REQUIRE(spool.waitFor([&] { return spool.resolved >= 2000; }));
  REQUIRE(spool.send("b@other.test", {"bob@example.test"}, kText));
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("bob").size() == 1; }, std::chrono::seconds(8)));
  CHECK(spool.resolved < kBacklog);
  CHECK(spool.sent.empty());
  spool.holdsBack = {};
}

TEST_CASE("what is due beyond those that may run at once is looked at as soon as these have ended") {
  SpoolFixture spool;
  spool.start();
  spool.ask({"queue", "disable", "--yes"});
  queueBacklog(spool);
  bool isSlow = true;
  spool.holdsBack = [&isSlow](const std::string& address) { return isSlow && address.ends_with(".slow.test"); };
  spool.ask({"queue", "thaw", "--all"});
  REQUIRE(spool.waitFor([&] { return spool.resolved >= 2000; }));
  CHECK(spool.resolved < kBacklog);
  isSlow = false;
  CHECK(spool.waitFor([&] { return spool.resolved == kBacklog; }, std::chrono::seconds(4)));  // a pause was five seconds
}

TEST_CASE("while role out is shut down, killed and started again nothing is written down of what waits for it, and then it goes at once") {
  SpoolFixture spool;
  spool.start();
  spool.waits = true;
  constexpr int kCount = 60;
  for (int n = 0; n < kCount; ++n) REQUIRE(spool.send("alice@example.test", {"u" + std::to_string(n) + "@far.test"}, kText, spool.loggedIn()));
  REQUIRE(spool.waitFor([&] { return spool.waiting > 0; }));
  spool.outDrains = true;
  spool.waits = false;  // those that it had end; the next ones it refuses
  REQUIRE(spool.waitFor([&] { return spool.refused > 0; }));
  const std::string id = spool.send("alice@example.test", {"last@far.test"}, kText, spool.loggedIn())->queueId;
  REQUIRE(spool.waitFor([&] { return spool.ask({"why", id}).output.find("role out") != std::string::npos; }));
  CHECK(spool.refused < 20);
  spool.killOut();
  REQUIRE(spool.waitFor([&] { return spool.ask({"queue", "destinations", "--json"}).output.find("role out is not there") != std::string::npos; }));
  spool.outDrains = false;
  spool.startOut();
  REQUIRE(spool.waitFor([&] { return lists(spool, "The queue is empty"); }, std::chrono::seconds(4)));
  CHECK(spool.sent.size() == kCount + 1);
  spool.stop();
  CHECK(spool.outcomesWritten() == 0);
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
  REQUIRE(spool.waitFor([&] { return lists(spool, "to=<x@far.test> attempts=2"); }));  // it came in a time that is not yet
  CHECK(spool.mailboxOf("alice").empty());
  spool.outState = ipc::RecipientOutcome::State::delivered;
  spool.skip(std::chrono::hours(25));
  REQUIRE(spool.waitFor([&] { return lists(spool, "The queue is empty"); }, std::chrono::seconds(15)));
  CHECK(spool.mailboxOf("alice").empty());
}

TEST_CASE("what was deferred while the clock was years ahead goes out when it is set back, and what a sender held back stays") {
  for (const bool isRunning : {true, false}) {
    INFO((isRunning ? "set while the spool runs" : "set while it is stopped"));
    SpoolFixture spool;
    spool.outState = ipc::RecipientOutcome::State::deferred;
    spool.outReply = {450, "4.2.0", "later"};
    spool.start();
    spool.setClockAhead(std::chrono::hours(24 * 365 * 5));
    REQUIRE(spool.send("alice@example.test", {"x@far.test", "y@far.test"}, kText, spool.loggedIn()));
    REQUIRE(spool.waitFor([&] { return lists(spool, "to=<y@far.test> attempts=1"); }));
    spool.outState = ipc::RecipientOutcome::State::delivered;
    if (!isRunning) spool.stop();
    spool.setClockAhead(std::chrono::seconds(0));
    if (!isRunning) spool.start();
    const auto later = [&](ipc::Envelope& envelope) { envelope.handling.holdUntil = spool.now() + std::chrono::hours(24 * 30); };
    REQUIRE(spool.send("alice@example.test", {"held@far.test"}, kText, spool.loggedIn(), later));
    const auto isThere = [&](const char* path) { return lists(spool, path); };
    REQUIRE(spool.waitFor([&] { return !isThere("x@far.test") && !isThere("y@far.test"); }));
    CHECK(isThere("held@far.test"));
    CHECK(spool.mailboxOf("alice").empty());
  }
}

TEST_CASE("what came while the clock was years ahead expires in its time after it is set back") {
  SpoolFixture spool;
  spool.outState = ipc::RecipientOutcome::State::deferred;
  spool.outReply = {450, "4.2.0", "later"};
  spool.setClockAhead(std::chrono::hours(24 * 365 * 5));
  spool.start();
  REQUIRE(spool.send("alice@example.test", {"x@far.test"}, kText, spool.loggedIn()));
  REQUIRE(spool.waitFor([&] { return lists(spool, "attempts=1"); }));
  spool.setClockAhead(std::chrono::seconds(0));
  REQUIRE(spool.waitFor([&] { return lists(spool, "attempts=2"); }));
  spool.skip(std::chrono::hours(24 * 5 + 1));
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("alice").size() == 1; }));
  CHECK(lists(spool, "The queue is empty"));
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
  CHECK(spool.ask({"queue", "destinations", "--json"}).output.find("\"state\":\"retry\"") != std::string::npos);
}
