// What administrators are shown of messages, next hops and the age of the queue.
#include <catch2/catch.hpp>
#include <set>

#include "libmailcore/ipc/envelope.h"
#include "tests/unit/queued/spool/spool_fixture.h"

using namespace ostler;
using namespace ostler::spool;

TEST_CASE("the history of a message says by which rule a remote reply was taken as what it was") {
  SpoolFixture spool;
  spool.outState = ipc::RecipientOutcome::State::deferred;
  spool.outReply = {452, "5.5.3", "too many"};
  spool.start();
  REQUIRE(spool.submit({"x@far.test"}));
  REQUIRE(spool.waitFor([&] { return !spool.sent.empty(); }));
  const std::string id = spool.onlyId();
  REQUIRE(spool.waitFor([&] { return spool.shows({"why", id}, "rule=4yz is temporary, though its enhanced code is final (RFC 5321 4.2.1)"); }));
  spool.outState = ipc::RecipientOutcome::State::failed;
  spool.outReply = {550, "5.1.1", "nobody"};
  spool.ask({"queue", "retry", id});
  REQUIRE(spool.waitFor([&] { return spool.shows({"why", id}, "rule=5yz is final (RFC 5321 4.2.1)"); }));
}

TEST_CASE("explain says of a client that is listed by name that it may relay") {
  SpoolFixture spool;
  spool.change([](config::Config& config) { config.virtualServers[0].relayFromNames = {".partner.test"}; });
  spool.lookedUp = {ipc::LookedUp::State::yes, "out.partner.test"};
  spool.start();
  const std::string told = spool.ask({"explain", "--from", "a@partner.test", "--to", "x@far.test", "--client", "192.0.2.9"}).output;
  CHECK(told.find("this client may relay") != std::string::npos);
  CHECK(told.find("RCPT TO:<x@far.test>: 250") != std::string::npos);
}

TEST_CASE("lists say why mail stands in line, and that it is not at work, for ETRN, for its route's hours, and while outbound mail is stopped") {
  SpoolFixture spool;
  spool.change([](config::Config& config) {
    config.routes.resize(2);
    config.routes[0].domain = "asks.test";
    config.routes[0].relay = config.routes[0].etrn.hold = true;
    config.routes[0].etrn.from = {net::Cidr::parse("192.0.2.9/32").value()};
    config.routes[1].domain = "frozen.test";
  });
  spool.start();
  REQUIRE(spool.submit({"x@asks.test"}));
  spool.ask({"queue", "freeze", "--destination", "frozen.test"});
  REQUIRE(spool.submit({"y@frozen.test"}));
  REQUIRE(spool.waitFor([&] { return spool.shows({"queue", "destinations", "--json"}, "\"asleep\",\"waiting\":1"); }));
  REQUIRE(spool.waitFor([&] { return spool.shows({"queue", "destinations", "--json"}, "\"frozen\",\"waiting\":1"); }));
  for (const char* form : {"--postfix", "--postfix-json", "--json"}) {
    INFO(form);
    CHECK(spool.shows({"queue", "list", form}, "until its server asks with ETRN"));
    CHECK(spool.shows({"queue", "list", form}, "which an administrator has stopped"));
  }
  const std::string list = spool.ask({"queue", "list"}).output;
  CHECK(list.find("  active  ") == std::string::npos);
  CHECK(list.find("  deferred ") != std::string::npos);
  spool.ask({"queue", "disable"});
  REQUIRE(spool.submit({"z@far.test"}));
  REQUIRE(spool.waitFor([&] { return spool.shows({"queue", "destinations"}, "far.test"); }));
  CHECK(spool.shows({"queue", "list", "--recipient", "z@far.test"}, "all outbound mail is stopped by an administrator"));
}

TEST_CASE("how old the queue is stands in a table by domain") {
  SpoolFixture spool;
  spool.start();
  spool.ask({"queue", "disable"});
  REQUIRE(spool.submit({"x@far.test", "y@far.test"}));
  const std::string table = spool.ask({"queue", "ages"}).output;
  CHECK(table.find("TOTAL       2     2") != std::string::npos);
  CHECK(table.find("far.test       2     2") != std::string::npos);
}

TEST_CASE("the table of ages shows domains as their mail was addressed, and counts what is the same domain together") {
  SpoolFixture spool;
  spool.start();
  spool.ask({"queue", "disable"});
  REQUIRE(spool.submit({"x@B\u00fccher.test", "y@xn--bcher-kva.test"}));
  CHECK(spool.shows({"queue", "ages"}, "b\u00fccher.test       2     2"));
  CHECK(spool.shows({"queue", "ages", "--json"}, "{\"domain\":\"b\u00fccher.test\",\"ages\":[2,"));
}

TEST_CASE("what was said in the last attempts is shown with a message while it waits, after a restart too, and with its life after that") {
  SpoolFixture spool;
  spool.outState = ipc::RecipientOutcome::State::deferred;
  spool.outReply = {450, "4.2.0", "Greylisted"};
  spool.start();
  spool.transcript = "* mx.far.test [192.0.2.1]:25\nS: 220 first\n";
  REQUIRE(spool.submit({"x@far.test"}));
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 1; }));
  const std::string id = spool.onlyId();
  const auto shows = [&](const char* what) { return spool.ask({"queue", "show", id}).output.find(what) != std::string::npos; };
  REQUIRE(spool.waitFor([&] { return shows("S: 220 first"); }));
  for (const char* said : {"S: 220 second\n", "S: 220 third\n", "S: 220 fourth\n"}) {
    const std::size_t before = spool.sent.size();
    spool.transcript = said;
    spool.ask({"queue", "retry", id});
    REQUIRE(spool.waitFor([&] { return spool.sent.size() > before && shows(std::string(said, 12).c_str()); }));
  }
  CHECK_FALSE(shows("first"));
  CHECK(shows("second"));
  CHECK(spool.shows({"queue", "show", id, "--json"}, "\"transcript\":\"S: 220 fourth\\n\""));
  // With the next commit of the index they are on disk.
  spool.loop().runUntilDone(spool.loop().sleepUntil(Deadline::after(std::chrono::milliseconds(1500))));
  spool.restart();
  CHECK(shows("second"));
  CHECK(spool.shows({"why", id}, "S: 220 fourth"));
  spool.outState = ipc::RecipientOutcome::State::failed;
  spool.outReply = {550, "5.1.1", "No"};
  spool.transcript = "S: 550 fifth\n";
  spool.ask({"queue", "retry", id});
  REQUIRE(spool.waitFor([&] { return spool.shows({"why", id}, "It has left the queue"); }));
  CHECK(spool.shows({"why", id}, "said | S: 550 fifth"));
}

TEST_CASE("next hops and what is laid on them are told in words, with --json as JSON, and all of them however many there are") {
  SpoolFixture spool;
  spool.change([](config::Config& config) { config.queue.segmentSize = ByteCount{16U << 20}; });
  spool.start();
  spool.ask({"queue", "freeze", "--sender", "Alice@example.test"});
  spool.ask({"queue", "hold", "--destination", "far.test"});
  CHECK(spool.ask({"queue", "holds"}).output == "domain:far.test held\nsender:alice@example.test frozen\n");
  CHECK(spool.ask({"queue", "holds", "--json"}).output ==
        "{\"key\":\"domain:far.test\",\"hold\":\"held\"}\n{\"key\":\"sender:alice@example.test\",\"hold\":\"frozen\"}\n");
  CHECK(spool.shows({"queue", "destinations"}, "domain:far.test held\n"));
  spool.ask({"queue", "thaw", "--sender", "alice@example.test"});
  spool.ask({"queue", "disable"});
  constexpr std::size_t kMany = 9'000;
  std::string file = "X-Sender: alice@example.test\r\n";
  for (std::size_t n = 0; n < kMany; ++n) file += "X-Receiver: x@domain" + std::to_string(n) + "." + std::string(40, 'd') + ".test\r\n";
  spool.drop("many.eml", file + kText);
  REQUIRE(spool.waitFor([&] { return spool.shows({"queue", "summary"}, "\"pending_recipients\":9000,"); }));
  for (const std::vector<std::string>& words : {std::vector<std::string>{"queue", "destinations"}, {"queue", "destinations", "--json"}}) {
    std::set<std::string> seen;
    REQUIRE(spool.waitFor([&] {
      seen.clear();
      const std::string all = spool.askAll(words);
      for (std::size_t at = all.find("mx:domain"); at != std::string::npos; at = all.find("mx:domain", at + 1)) seen.insert(all.substr(at, all.find('.', at) - at));
      return seen.size() == kMany;
    }));
  }
}
