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

TEST_CASE("a domain that is frozen gets nothing, by whatever way it is reached; others by the same way do, and thawing lets it go") {
  SpoolFixture spool;
  spool.change([](config::Config& config) {
    for (const char* domain : {"far.test", "near.test", "asleep.test"}) {
      config::RouteRule& rule = config.routes.emplace_back();
      rule.domain = domain;
      rule.action = config::RouteRule::Action::smarthost;
      rule.host = "[192.0.2.9]";
      rule.etrn.hold = rule.domain == "asleep.test";
      rule.etrn.from = {net::Cidr::parse("0.0.0.0/0").value()};
    }
  });
  spool.start();
  const auto isThere = [&](const char* path) {
    return std::any_of(spool.sent.begin(), spool.sent.end(), [&](const auto& one) {
      const auto& all = one.request.envelope.recipients;
      return std::any_of(all.begin(), all.end(), [&](const ipc::Recipient& to) { return to.forwardPath == path; });
    });
  };
  spool.ask({"queue", "disable"});
  REQUIRE(spool.submit({"early@far.test", "early@near.test", "x@asleep.test"}));  // in line, for the same host, when the word is said
  REQUIRE(spool.waitFor([&] { return spool.shows({"queue", "destinations", "--json"}, "host:[192.0.2.9]:25\",\"state\":\"active\",\"waiting\":1"); }));
  for (const char* domain : {"far.test", "asleep.test", "mx.test", "example.test"}) spool.ask({"queue", "freeze", "--destination", domain});
  spool.ask({"queue", "enable"});
  REQUIRE(spool.submit({"late@far.test", "late@near.test", "x@mx.test", "bob@example.test", "last@near.test"}));
  ipc::EtrnRequest etrn;
  etrn.argument = "asleep.test";
  CHECK(spool.askAs(std::move(etrn)).code == 253);
  REQUIRE(spool.waitFor([&] { return isThere("early@near.test") && isThere("late@near.test") && isThere("last@near.test"); }));
  REQUIRE(spool.waitFor([&] { return spool.shows({"queue", "destinations", "--json"}, "domain:asleep.test\",\"state\":\"frozen\",\"waiting\":1"); }));
  const std::string list = spool.ask({"queue", "list", "--json", "--recipient", "early@far.test"}).output;
  REQUIRE(list.find("\"id\":\"") != std::string::npos);
  CHECK(spool.shows({"why", list.substr(list.find("\"id\":\"") + 6, 26)}, "waits for domain:far.test, which an administrator has stopped"));
  for (const char* path : {"early@far.test", "late@far.test", "x@asleep.test", "x@mx.test"}) CHECK_FALSE(isThere(path));
  CHECK(spool.mailboxOf("bob").empty());
  for (const char* domain : {"far.test", "asleep.test", "mx.test", "example.test"}) spool.ask({"queue", "thaw", "--destination", domain});
  REQUIRE(spool.waitFor([&] { return isThere("early@far.test") && isThere("late@far.test") && isThere("x@mx.test") && spool.mailboxOf("bob").size() == 1; }));
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

TEST_CASE("time goes on for what is frozen, by whatever word: its sender hears that it is late, and has it back when its time is over; what is held is kept") {
  struct Way {
    const char* name;
    std::vector<std::string> words;  ///< ID: the message's
    bool isKept = false;
  };
  const Way ways[] = {
      {"a message", {"freeze", "ID"}},
      {"a sender", {"freeze", "--sender", "alice@example.test"}},
      {"a domain behind a smarthost", {"freeze", "--destination", "far.test"}},
      {"a route", {"freeze", "--route", "far.test"}},
      {"all", {"freeze", "--all"}},
      {"a message that is held", {"hold", "ID"}, true},
      {"all that is held", {"hold", "--all"}, true},
      {"a domain that is held", {"hold", "--destination", "far.test"}, true},
  };
  for (const bool hasDeadline : {false, true}) {  // RFC 2852
    for (const Way& way : ways) {
      INFO(way.name << (hasDeadline ? ", by its sender's deadline" : ""));
      SpoolFixture spool;
      spool.change([](config::Config& config) {
        config::RouteRule& rule = config.routes.emplace_back();
        rule.domain = "far.test";
        rule.action = config::RouteRule::Action::smarthost;
        rule.host = "[192.0.2.9]";
        rule.retry.emplace();
        rule.retry->delayNotice = std::chrono::hours(4);
        rule.retry->expiry = std::chrono::hours(24);
      });
      spool.outState = ipc::RecipientOutcome::State::deferred;
      spool.outReply = {450, "4.2.0", "later"};
      spool.start();
      const auto reply = spool.send("alice@example.test", {"x@far.test"}, kText, spool.loggedIn(), [&](ipc::Envelope& envelope) {
        if (!hasDeadline) return;
        envelope.handling.by = ipc::Handling::By::giveBack;
        envelope.handling.deliverBy = spool.now() + std::chrono::hours(24);
      });
      REQUIRE(reply);
      REQUIRE(spool.waitFor([&] { return spool.shows({"queue", "list"}, "deferred"); }));
      std::vector<std::string> words{"queue"};
      for (const std::string& word : way.words) words.push_back(word == "ID" ? reply->queueId : word);
      REQUIRE(spool.ask(words).exitCode == 0);
      const std::size_t sentBefore = spool.sent.size();
      const std::string row = "\"id\":\"" + reply->queueId;
      const auto reports = [&] {  // delivered, or on their way
        const std::string waiting = spool.ask({"queue", "list", "--json"}).output;
        const std::size_t inQueue = static_cast<std::size_t>(std::count(waiting.begin(), waiting.end(), '\n'));
        return spool.mailboxOf("alice").size() + inQueue - (spool.shows({"queue", "list", "--json"}, row) ? 1 : 0);
      };
      spool.skip(std::chrono::hours(5));
      if (way.isKept) {
        spool.skip(std::chrono::hours(24 * 30));
        CHECK_FALSE(spool.waitFor([&] { return !spool.shows({"queue", "list", "--json"}, row); }, std::chrono::seconds(1)));
        continue;
      }
      if (way.words[1] == "ID") spool.restart();
      CHECK(spool.waitFor([&] { return reports() == 1; }, std::chrono::seconds(15)));
      spool.skip(std::chrono::hours(20));
      CHECK(spool.waitFor([&] { return !spool.shows({"queue", "list", "--json"}, row); }, std::chrono::seconds(15)));
      CHECK(spool.sent.size() == sentBefore);
      if (way.words[1] == "--all") spool.ask({"queue", "thaw", "--all"});
      CHECK(spool.waitFor([&] { return spool.mailboxOf("alice").size() == 2; }, std::chrono::seconds(15)));
    }
  }
}

TEST_CASE("a frozen message whose expiry is set is given up then") {
  SpoolFixture spool;
  spool.outState = ipc::RecipientOutcome::State::deferred;
  spool.outReply = {450, "4.2.0", "later"};
  spool.start();
  const auto reply = spool.submit({"x@far.test"});
  REQUIRE(reply);
  REQUIRE(spool.waitFor([&] { return spool.shows({"queue", "list"}, "deferred"); }));
  spool.ask({"queue", "freeze", reply->queueId});
  spool.ask({"queue", "edit", reply->queueId, "--expiry", "5s"});
  spool.skip(std::chrono::seconds(6));
  CHECK(spool.waitFor([&] { return spool.mailboxOf("alice").size() == 1; }, std::chrono::seconds(15)));
}

TEST_CASE("what was frozen goes out when it is thawed, though its due time passed meanwhile") {
  for (const std::vector<std::string>& way : {std::vector<std::string>{"ID"}, {"--sender", "alice@example.test"}, {"--all"}}) {
    INFO(way.front());
    SpoolFixture spool;
    spool.outState = ipc::RecipientOutcome::State::deferred;
    spool.outReply = {450, "4.2.0", "later"};
    spool.start();
    const auto reply = spool.submit({"x@far.test"});
    REQUIRE(reply);
    REQUIRE(spool.waitFor([&] { return spool.shows({"queue", "list"}, "deferred"); }));
    std::vector<std::string> words = way;
    if (words.front() == "ID") words.front() = reply->queueId;
    for (const char* word : {"freeze", "queue"}) words.insert(words.begin(), word);
    REQUIRE(spool.ask(words).exitCode == 0);
    spool.outState = ipc::RecipientOutcome::State::delivered;
    spool.skip(std::chrono::hours(3));
    REQUIRE(spool.submit({"late@far.test"}));
    spool.skip(std::chrono::hours(1));
    const std::size_t before = way.front() == "ID" ? 2 : 1;
    REQUIRE(spool.waitFor([&] { return spool.sent.size() >= before; }));
    words[1] = "thaw";
    REQUIRE(spool.ask(words).exitCode == 0);
    CHECK(spool.waitFor([&] { return spool.isEmpty(); }, std::chrono::seconds(15)));
    CHECK(spool.sent.size() == 3);
  }
}
