// What happens to a message while something that takes its time is done about it: an administrator's word, a reload, an expiry,
// a move in the log. Nothing is done twice, nothing is lost, nobody's word is forgotten.
#include <catch2/catch.hpp>
#include <filesystem>
#include <set>

#include "tests/unit/queued/spool/spool_fixture.h"

using namespace ostler;
using namespace ostler::spool;
using namespace std::chrono_literals;

namespace {

std::string accepted(const Result<ipc::CommitReply>& reply) {
  REQUIRE(reply);
  REQUIRE_FALSE(reply->queueId.empty());
  return reply->queueId;
}

bool empties(SpoolFixture& spool) { return spool.ask({"queue", "wait", "--empty", "--timeout", "8"}).exitCode == 0; }

/// A message to another host that is being delivered until spool.waits is false.
std::string underWay(SpoolFixture& spool) {
  spool.waits = true;
  const std::string id = accepted(spool.send("alice@example.test", {"x@far.test"}, kText, spool.loggedIn()));
  REQUIRE(spool.waitFor([&] { return spool.waiting == 1; }));
  return id;
}

void deferElsewhere(SpoolFixture& spool) {
  spool.outState = ipc::RecipientOutcome::State::deferred;
  spool.outReply = {451, "4.4.1", "come back later"};
}

config::RouteRule routeOf(const char* domain, const char* host) {
  config::RouteRule rule;
  rule.domain = domain;
  rule.action = config::RouteRule::Action::smarthost;
  rule.host = host;
  return rule;
}

}  // namespace

TEST_CASE("who is deleted with a notice while it is being delivered is not tried again, and its sender told once") {
  for (const char* word : {"delete", "expire"}) {
    INFO(word);
    SpoolFixture spool;
    deferElsewhere(spool);
    spool.start();
    const std::string id = underWay(spool);
    std::vector<std::string> words = {"queue", word, id};
    if (words[1] == "delete") words.emplace_back("--notify");
    CHECK(spool.ask(words).exitCode == 0);
    spool.waits = false;
    REQUIRE(empties(spool));
    CHECK(spool.sent.size() == 1);
    CHECK(spool.mailboxOf("alice").size() == 1);
  }
}

TEST_CASE("who is deleted with a notice while it is being delivered, and arrives, is told of as delivered and not as failed") {
  SpoolFixture spool;
  spool.start();
  const std::string id = underWay(spool);
  spool.ask({"queue", "delete", id, "--notify"});
  spool.waits = false;
  REQUIRE(empties(spool));
  CHECK(spool.mailboxOf("alice").empty());
  CHECK(spool.ask({"why", id}).output.find("delivered to=<x@far.test>") != std::string::npos);
}

TEST_CASE("a message that is deleted while it is being delivered, and arrives all the same, is known to have arrived") {
  SpoolFixture spool;
  spool.start();
  const std::string id = underWay(spool);
  CHECK(spool.ask({"queue", "delete", id}).exitCode == 0);
  CHECK(spool.ask({"queue", "list"}).output.find("The queue is empty") != std::string::npos);
  spool.waits = false;
  REQUIRE(spool.waitFor([&] { return spool.ask({"why", id}).output.find("delivered although deleted meanwhile") != std::string::npos; }));
}

TEST_CASE("a message that is held while it is being delivered waits when it was deferred, and does not expire") {
  SpoolFixture spool;
  deferElsewhere(spool);
  spool.start();
  const std::string id = underWay(spool);
  spool.ask({"queue", "hold", id});
  spool.skip(std::chrono::hours(24 * 6));
  spool.waits = false;
  REQUIRE(spool.waitFor([&] { return spool.ask({"queue", "list"}).output.find("come back later") != std::string::npos; }));
  spool.outState = ipc::RecipientOutcome::State::delivered;
  spool.ask({"queue", "release", id});
  REQUIRE(empties(spool));
  CHECK(spool.sent.size() == 2);
  for (const std::string& report : spool.mailboxOf("alice")) CHECK(report.find("Action: delayed") != std::string::npos);
}

TEST_CASE("a message that is held while it waits in line is not given up when its host does not answer") {
  SpoolFixture spool;
  spool.change([](config::Config& config) {
    config.routes.push_back(routeOf("far.test", "[192.0.2.9]"));
    config.routes[0].pace.concurrency = 1;
  });
  spool.outState = ipc::RecipientOutcome::State::deferred;
  spool.outHost.clear();
  spool.outReply = {451, "4.4.1", "connection refused"};
  spool.start();
  (void)underWay(spool);
  const std::string second = accepted(spool.send("alice@example.test", {"y@far.test"}, kText, spool.loggedIn()));
  spool.ask({"queue", "hold", second});
  CHECK(spool.ask({"queue", "edit", second, "--expiry", "1s"}).exitCode == 0);
  spool.skip(5s);
  spool.waits = false;
  REQUIRE(spool.waitFor([&] { return spool.ask({"queue", "list"}).output.find("connection refused") != std::string::npos; }));
  REQUIRE(spool.send("b@other.test", {"alice@example.test"}, kText));
  REQUIRE(spool.waitFor([&] { return !spool.mailboxOf("alice").empty(); }));
  CHECK(spool.mailboxOf("alice").size() == 1);  // a report would have been there before
  CHECK(spool.ask({"queue", "show", second}).output.find("held") != std::string::npos);
}

TEST_CASE("what waits in line is given up at its sender's deadline, and at the expiry that an administrator gave it") {
  SpoolFixture spool;
  spool.start();
  spool.ask({"queue", "freeze", "--destination", "far.test"});
  for (int n = 0; n < 3; ++n) accepted(spool.send("alice@example.test", {"first@far.test"}, kText, spool.loggedIn()));
  const auto by = [&](ipc::Envelope& envelope) {
    envelope.handling.by = ipc::Handling::By::giveBack;
    envelope.handling.deliverBy = spool.now() + 1h;
  };
  accepted(spool.send("alice@example.test", {"late@far.test"}, kText, spool.loggedIn(), by));
  const std::string edited = accepted(spool.send("alice@example.test", {"edited@far.test"}, kText, spool.loggedIn()));
  CHECK(spool.ask({"queue", "edit", edited, "--expiry", "30m"}).exitCode == 0);
  spool.skip(31min);
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("alice").size() == 1; }));
  CHECK(spool.mailboxOf("alice")[0].find("edited@far.test") != std::string::npos);
  spool.skip(30min);
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("alice").size() == 2; }));
  CHECK(spool.mailboxOf("alice")[1].find("late@far.test") != std::string::npos);
  CHECK(spool.mailboxOf("alice")[1].find("RFC 2852") != std::string::npos);
  spool.ask({"queue", "thaw", "--destination", "far.test"});
  REQUIRE(empties(spool));
  CHECK(spool.sent.size() == 3);
}

TEST_CASE("an expiry that an administrator gave is heeded at its time, not at the next attempt, through a restart too") {
  SpoolFixture spool;
  deferElsewhere(spool);
  spool.start();
  const std::string id = accepted(spool.send("alice@example.test", {"x@far.test"}, kText, spool.loggedIn()));
  REQUIRE(spool.waitFor([&] { return spool.ask({"queue", "list"}).output.find("come back later") != std::string::npos; }));
  CHECK(spool.ask({"queue", "edit", id, "--expiry", "5m"}).exitCode == 0);
  spool.restart();
  CHECK(spool.mailboxOf("alice").empty());
  spool.skip(6min);  // the next attempt is in a quarter of an hour
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("alice").size() == 1; }));
  CHECK(spool.sent.size() == 1);
  CHECK(spool.mailboxOf("alice")[0].find("come back later") != std::string::npos);
}

TEST_CASE("mail that waits in line goes where the routes lead after a reload") {
  SpoolFixture spool;
  spool.change([](config::Config& config) {
    config.routes.push_back(routeOf("far.test", "[192.0.2.9]"));
    config.routes[0].relay = config.routes[0].etrn.hold = true;
    config.routes[0].etrn.from = {net::Cidr::parse("192.0.2.9/32").value()};
  });
  spool.start();
  accepted(spool.send("alice@example.test", {"x@far.test"}, kText, spool.loggedIn()));
  REQUIRE(spool.waitFor([&] { return spool.ask({"queue", "destinations", "--json"}).output.find("\"asleep\",\"waiting\":1") != std::string::npos; }));
  spool.reload();  // of nothing
  CHECK(spool.ask({"queue", "destinations", "--json"}).output.find("\"asleep\",\"waiting\":1") != std::string::npos);
  spool.change([](config::Config& config) { config.routes = {routeOf("far.test", "[192.0.2.8]")}; });
  spool.reload();
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 1; }));
  CHECK(spool.sent[0].request.nextHop.key() == "host:[192.0.2.8]:25");
  REQUIRE(empties(spool));
}

TEST_CASE("a reload while a message is being delivered neither doubles nor loses it") {
  SpoolFixture spool;
  spool.change([](config::Config& config) { config.routes.push_back(routeOf("far.test", "[192.0.2.9]")); });
  spool.start();
  (void)underWay(spool);
  spool.change([](config::Config& config) { config.routes.clear(); });
  spool.reload();
  spool.waits = false;
  REQUIRE(empties(spool));
  CHECK(spool.sent.size() == 1);
}

TEST_CASE("a frozen route gives its mail to nobody, not to a server that asks for it with ATRN either") {
  SpoolFixture spool;
  spool.change([](config::Config& config) {
    config.routes.push_back(routeOf("far.test", "[192.0.2.9]"));
    config.routes[0].relay = config.routes[0].etrn.hold = true;
    config.routes[0].etrn.users = {"alice@example.test"};
  });
  spool.start();
  accepted(spool.send("alice@example.test", {"x@far.test"}, kText, spool.loggedIn()));
  REQUIRE(spool.waitFor([&] { return spool.ask({"queue", "destinations", "--json"}).output.find("\"asleep\",\"waiting\":1") != std::string::npos; }));
  CHECK(spool.ask({"queue", "freeze", "--route", "far.test"}).exitCode == 0);
  CHECK(spool.turn({"far.test"}).code == 453);
  CHECK(spool.ask({"queue", "thaw", "--route", "far.test"}).exitCode == 0);
  CHECK(spool.turn({"far.test"}).code == 250);
}

TEST_CASE("an alias that had a mailbox when it was expanded and has none any more ends, and does not wait for ever") {
  SpoolFixture spool;
  spool.faults->always("append", Error{Error::Kind::temporary, "made to fail"});
  spool.start();
  accepted(spool.send("s@elsewhere.test", {"team@example.test"}, kText));
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 1; }));
  REQUIRE(spool.waitFor([&] { return spool.ask({"queue", "list"}).output.find("4.3.0") != std::string::npos; }));
  spool.forwards["team"] = {"bob@remote.test"};
  spool.restart();  // which forgets what it knew of the directory
  spool.ask({"queue", "retry", "--all"});
  REQUIRE(empties(spool));
  CHECK(spool.sent.size() == 1);
}

TEST_CASE("addresses forwarded in a circle come back to the sender and are not lost, whoever else the message is for") {
  struct Row {
    const char* name;
    std::vector<std::string> to;
    std::size_t toBob;
    std::size_t reports;
  };
  for (const Row& row : {Row{"one", {"round@example.test"}, 0, 1}, Row{"both", {"round@example.test", "round@old.test"}, 0, 1},
                         Row{"beside", {"round@example.test", "bob@example.test"}, 1, 1}, Row{"with a way out", {"half@example.test"}, 1, 0}}) {
    INFO(row.name);
    SpoolFixture spool;
    spool.change([](config::Config& config) {
      config::RouteRule rule = routeOf("old.test", "example.test");
      rule.action = config::RouteRule::Action::forward;
      config.routes.push_back(rule);
      config.routes.push_back(rule);
      config.routes[1].domain = "older.test";
    });
    spool.forwards["round"] = {"round@old.test"};
    spool.forwards["half"] = {"half@old.test", "bob@older.test"};
    spool.start();
    accepted(spool.send("alice@example.test", row.to, kText, spool.loggedIn()));
    REQUIRE(empties(spool));
    CHECK(spool.mailboxOf("bob").size() == row.toBob);
    REQUIRE(spool.mailboxOf("alice").size() == row.reports);
    if (row.reports > 0) CHECK(spool.mailboxOf("alice")[0].find("5.4.6") != std::string::npos);
  }
}

TEST_CASE("two aliases that lead to each other's targets reach everybody once") {
  SpoolFixture spool;
  spool.forwards["one"] = {"x@far.test", "y@far.test"};
  spool.forwards["two"] = {"y@far.test", "x@far.test", "z@far.test"};
  spool.start();
  accepted(spool.send("s@elsewhere.test", {"one@example.test", "two@example.test"}, kText));
  REQUIRE(empties(spool));
  std::multiset<std::string> reached;
  for (const SpoolFixture::Sent& one : spool.sent) {
    for (const ipc::Recipient& to : one.request.envelope.recipients) reached.insert(to.forwardPath);
  }
  CHECK(reached == std::multiset<std::string>{"x@far.test", "y@far.test", "z@far.test"});
}

TEST_CASE("a sender hears that his message was given to a list, though it has arrived everywhere before the report is made") {
  SpoolFixture spool;
  spool.change([](config::Config& config) { config.queue.largeMessage = ByteCount{64 * 1024}; });
  spool.forwards["list"] = {"x@far.test", "y@far.test"};
  spool.start();
  std::string content = "Subject: l\r\n\r\n";
  while (content.size() < 100'000) content += "0123456789 0123456789 0123456789\r\n";
  const auto ask = [](ipc::Envelope& envelope) { envelope.recipients[0].notify = ipc::Recipient::kNotifySuccess; };
  accepted(spool.send("alice@example.test", {"list@example.test"}, content, spool.loggedIn(), ask));
  REQUIRE(empties(spool));
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("alice").size() == 1; }));
  CHECK(spool.mailboxOf("alice")[0].find("Action: expanded") != std::string::npos);
}

TEST_CASE("each state that a tool sets is there after the spool was killed") {
  SpoolFixture spool;
  deferElsewhere(spool);
  spool.start();
  const std::string id = accepted(spool.send("alice@example.test", {"x@far.test"}, kText, spool.loggedIn()));
  const std::string other = accepted(spool.send("alice@example.test", {"y@other.test"}, kText, spool.loggedIn()));
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 2; }));
  REQUIRE(spool.waitFor([&] {
    const std::string list = spool.ask({"queue", "list"}).output;
    return list.find("come back later") != list.rfind("come back later");
  }));
  struct Row {
    std::vector<std::string> said;
    std::vector<std::string> asked;
    std::string shown;
  };
  for (const Row& row : {
           Row{{"queue", "disable"}, {"queue", "holds", "--json"}, "{\"key\":\"outbound\",\"hold\":\"frozen\"}"},
           Row{{"queue", "freeze", "--destination", "far.test"}, {"queue", "holds", "--json"}, "{\"key\":\"domain:far.test\",\"hold\":\"frozen\"}"},
           Row{{"queue", "hold", "--destination", "held.test"}, {"queue", "holds", "--json"}, "{\"key\":\"domain:held.test\",\"hold\":\"held\"}"},
           Row{{"queue", "freeze", "--sender", "alice@example.test"}, {"queue", "holds", "--json"}, "{\"key\":\"sender:alice@example.test\",\"hold\":\"frozen\"}"},
           Row{{"queue", "freeze", "--route", "far.test"}, {"queue", "holds", "--json"}, "{\"key\":\"route:far.test\",\"hold\":\"frozen\"}"},
           Row{{"queue", "freeze", id}, {"queue", "show", id}, "frozen"},
           Row{{"queue", "hold", id}, {"queue", "show", id}, "held"},
           Row{{"queue", "release", id}, {}, ""},
           Row{{"queue", "move", id, "--to", "192.0.2.99:2525"}, {}, ""},
           Row{{"queue", "edit", id, "--expiry", "3h"}, {}, ""},
           Row{{"queue", "retry", other}, {}, ""},
           Row{{"queue", "freeze", "--all"}, {"queue", "holds", "--json"}, "{\"key\":\"*\",\"hold\":\"frozen\"}"},
       }) {
    INFO(row.said[1] << " " << (row.said.size() > 2 ? row.said[2] : ""));
    CHECK(spool.ask(row.said).exitCode == 0);
    spool.restart();
    if (!row.asked.empty()) CHECK(spool.ask(row.asked).output.find(row.shown) != std::string::npos);
  }
  // And what they mean is done: the moved message goes where it was moved to, within its new time; the other one at once.
  spool.sent.clear();
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{{"--all"}, {"--route", "far.test"}, {"--sender", "alice@example.test"}, {"--destination", "far.test"}}) {
    std::vector<std::string> all = {"queue", "thaw"};
    all.insert(all.end(), words.begin(), words.end());
    CHECK(spool.ask(all).exitCode == 0);
  }
  CHECK(spool.sent.empty());  // outbound mail is disabled still
  spool.ask({"queue", "enable"});
  REQUIRE(spool.waitFor([&] { return spool.sent.size() >= 2; }));
  std::set<std::string> hops;
  for (const SpoolFixture::Sent& one : spool.sent) hops.insert(one.request.nextHop.key());
  CHECK(hops == std::set<std::string>{"host:[192.0.2.99]:2525", "mx:other.test"});
  spool.skip(3h);
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("alice").size() == 1; }));
  CHECK(spool.mailboxOf("alice")[0].find("x@far.test") != std::string::npos);
}

TEST_CASE("messages that are moved in the log while they are given up end once, whenever the spool is killed after that") {
  SpoolFixture spool;
  spool.change([](config::Config& config) { config.queue.segmentSize = ByteCount{1U << 20}; });
  deferElsewhere(spool);
  spool.start();
  constexpr std::size_t kCount = 300;
  for (std::size_t n = 0; n < kCount; ++n) accepted(spool.send("alice@example.test", {"u" + std::to_string(n) + "@far.test"}, kText, spool.loggedIn()));
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == kCount; }));
  const std::string body = "Subject: fill\r\n\r\n" + std::string(100'000, 'x') + "\r\n";
  for (int n = 0; n < 80; ++n) REQUIRE(spool.send("s@elsewhere.test", {"carol@example.test"}, body));
  spool.outState = ipc::RecipientOutcome::State::failed;
  spool.outReply = {550, "5.1.1", "nobody"};
  for (int n = 0; n < 20; ++n) {
    spool.ask({"queue", "retry", "--all"});
    REQUIRE(spool.send("s@elsewhere.test", {"carol@example.test"}, body));
  }
  REQUIRE(empties(spool));
  spool.stop();
  std::filesystem::remove_all(spool.config->queueDir() + "/index");
  spool.sent.clear();
  spool.start();
  REQUIRE(empties(spool));
  CHECK(spool.sent.empty());
  CHECK(spool.mailboxOf("alice").size() == kCount);
}
