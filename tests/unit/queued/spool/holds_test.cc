// What administrators stop and let go again: all mail, destinations, routes, senders; and that it lasts.
#include <catch2/catch.hpp>

#include "libmailcore/ipc/envelope.h"
#include "tests/unit/queued/spool/spool_fixture.h"

using namespace ostler;
using namespace ostler::spool;

TEST_CASE("with outbound mail disabled local mail flows on, and a restart changes nothing") {
  SpoolFixture spool;
  spool.start();
  CHECK(spool.ask({"queue", "disable"}).exitCode == 0);
  REQUIRE(spool.submit({"bob@example.test", "x@far.test"}));
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("bob").size() == 1; }));
  CHECK(spool.shows({"why", spool.onlyId()}, "all outbound mail is stopped"));
  spool.restart();
  REQUIRE(spool.submit({"carol@example.test"}));
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("carol").size() == 1; }));
  CHECK(spool.sent.empty());
  CHECK(spool.shows({"queue", "destinations", "--json"}, "\"outbound\",\"state\":\"frozen\""));
  spool.ask({"queue", "enable"});
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 1; }));
}

TEST_CASE("a frozen sender's mail waits, others' goes, and thawing sends it") {
  SpoolFixture spool;
  spool.start();
  spool.ask({"queue", "freeze", "--sender", "Alice@example.test"});
  REQUIRE(spool.submit({"x@far.test"}));
  REQUIRE(spool.send("b@other.test", {"bob@example.test"}, kText));
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("bob").size() == 1; }));
  CHECK(spool.sent.empty());
  CHECK(spool.shows({"why", spool.onlyId()}, "its sender is frozen"));
  spool.ask({"queue", "thaw", "--sender", "alice@example.test"});
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 1; }));
}

TEST_CASE("a route that is frozen holds what waits in line for it at once, and thawing lets it go") {
  SpoolFixture spool;
  spool.change([](config::Config& config) {
    config::RouteRule rule;
    rule.domain = "far.test";
    rule.pace.concurrency = 1;
    config.routes.push_back(rule);
  });
  bool isHanging = true;
  spool.hangs = [&](const ipc::Deliver&) { return std::exchange(isHanging, false); };
  spool.start();
  REQUIRE(spool.submit({"x@far.test"}));
  REQUIRE(spool.waitFor([&] { return !isHanging; }));
  // In line behind the one that hangs, then frozen.
  REQUIRE(spool.submit({"y@far.test"}));
  spool.ask({"queue", "freeze", "--route", "far.test"});
  CHECK(spool.shows({"queue", "destinations", "--json"}, "\"mx:far.test\",\"state\":\"frozen\""));
  REQUIRE(spool.submit({"bob@example.test"}));
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("bob").size() == 1; }));
  CHECK(spool.sent.empty());
  spool.ask({"queue", "thaw", "--route", "far.test"});
  CHECK(spool.shows({"queue", "destinations", "--json"}, "\"mx:far.test\",\"state\":\"active\""));
}

TEST_CASE("a sender who is frozen while his mail waits in line sends nothing more, others do, and thawing lets it go") {
  SpoolFixture spool;
  spool.start();
  spool.ask({"queue", "disable"});
  REQUIRE(spool.submit({"held@far.test"}));
  REQUIRE(spool.send("s@elsewhere.test", {"team@example.test"}, kText));  // leads to bob@remote.test, too
  REQUIRE(spool.waitFor([&] { return spool.shows({"queue", "destinations", "--json"}, "mx:remote.test\",\"state\":\"active\",\"waiting\":1"); }));
  CHECK(spool.shows({"queue", "destinations", "--json"}, "mx:far.test\",\"state\":\"active\",\"waiting\":1"));
  spool.ask({"queue", "freeze", "--sender", "alice@example.test"});
  spool.ask({"queue", "enable"});
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 1; }));
  CHECK(spool.sent[0].request.envelope.recipients.at(0).forwardPath == "bob@remote.test");
  const std::string list = spool.ask({"queue", "list", "--json", "--recipient", "held@far.test"}).output;
  REQUIRE(list.find("\"id\":\"") != std::string::npos);
  CHECK(spool.shows({"why", list.substr(list.find("\"id\":\"") + 6, 26)}, "its sender is frozen"));
  spool.ask({"queue", "thaw", "--sender", "alice@example.test"});
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 2; }));
  CHECK(spool.sent[1].request.envelope.recipients.at(0).forwardPath == "held@far.test");
}

TEST_CASE("what came while all delivery was stopped, and what waited before, goes on when it is resumed, after a restart too") {
  SpoolFixture spool;
  spool.start();
  spool.ask({"queue", "freeze", "--all"});
  REQUIRE(spool.submit({"bob@example.test"}));
  spool.restart();
  REQUIRE(spool.submit({"bob@example.test"}));
  CHECK(spool.mailboxOf("bob").empty());
  spool.ask({"queue", "thaw", "--all"});
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("bob").size() == 2; }));
}
