// What administrators change while the spool runs, and that it lasts.
#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/unit/queued/spool/spool_fixture.h"

using namespace ostler;
using namespace ostler::spool;

namespace {

constexpr const char* kText = "From: a@b.test\r\nSubject: x\r\n\r\nhello\r\n";

/// The id of the one message that waits.
std::string onlyId(SpoolFixture& spool) {
  const std::string list = spool.ask({"queue", "list", "--json"}).output;
  const std::size_t at = list.find("\"id\":\"");
  REQUIRE(at != std::string::npos);
  return list.substr(at + 6, 26);
}

}  // namespace

TEST_CASE("with outbound mail disabled local mail flows on, and a restart changes nothing") {
  SpoolFixture spool;
  spool.start();
  CHECK(spool.ask({"queue", "disable"}).exitCode == 0);
  REQUIRE(spool.send("alice@example.test", {"bob@example.test", "x@far.test"}, kText, spool.loggedIn()));
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("bob").size() == 1; }));
  CHECK(spool.ask({"why", onlyId(spool)}).output.find("all outbound mail is stopped") != std::string::npos);
  spool.restart();
  REQUIRE(spool.send("alice@example.test", {"carol@example.test"}, kText, spool.loggedIn()));
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("carol").size() == 1; }));
  CHECK(spool.sent.empty());
  CHECK(spool.ask({"queue", "destinations"}).output.find("\"outbound\",\"state\":\"frozen\"") != std::string::npos);
  spool.ask({"queue", "enable"});
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 1; }));
}

TEST_CASE("a frozen sender's mail waits, others' goes, and thawing sends it") {
  SpoolFixture spool;
  spool.start();
  spool.ask({"queue", "freeze", "--sender", "Alice@example.test"});
  REQUIRE(spool.send("alice@example.test", {"x@far.test"}, kText, spool.loggedIn()));
  REQUIRE(spool.send("b@other.test", {"bob@example.test"}, kText));
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("bob").size() == 1; }));
  CHECK(spool.sent.empty());
  CHECK(spool.ask({"why", onlyId(spool)}).output.find("its sender is frozen") != std::string::npos);
  spool.ask({"queue", "thaw", "--sender", "alice@example.test"});
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 1; }));
}

TEST_CASE("a moved message goes to the host it was moved to, after a restart too") {
  SpoolFixture spool;
  spool.outState = ipc::RecipientOutcome::State::deferred;
  spool.outReply = {451, "4.4.1", "connection refused"};
  spool.outHost.clear();
  spool.start();
  REQUIRE(spool.send("alice@example.test", {"x@far.test"}, kText, spool.loggedIn()));
  REQUIRE(spool.waitFor([&] { return spool.ask({"queue", "list"}).output.find("connection refused") != std::string::npos; }));
  const std::string id = onlyId(spool);
  CHECK(spool.ask({"queue", "move", id, "--to", "not a host"}).exitCode != 0);
  CHECK(spool.ask({"queue", "move", id, "--to", "192.0.2.99:2525"}).exitCode == 0);
  CHECK(spool.ask({"why", id}).output.find("queue move") != std::string::npos);  // and so it is written
  spool.restart();
  spool.outState = ipc::RecipientOutcome::State::delivered;
  spool.ask({"queue", "retry", "--all"});
  REQUIRE(spool.waitFor([&] { return spool.sent.back().request.nextHop.key() == "host:[192.0.2.99]:2525"; }));
  REQUIRE(spool.waitFor([&] { return spool.ask({"queue", "list"}).output.find("The queue is empty") != std::string::npos; }));
  const std::string life = spool.ask({"why", id}).output;
  for (const char* part : {"accepted", "deferred", "queue move", "delivered", "It has left the queue"}) {
    INFO(part);
    CHECK(life.find(part) != std::string::npos);
  }
}

TEST_CASE("a message whose expiry was set is given up then, and its sender told") {
  SpoolFixture spool;
  spool.outState = ipc::RecipientOutcome::State::deferred;
  spool.outHost.clear();
  spool.start();
  REQUIRE(spool.send("alice@example.test", {"x@far.test"}, kText, spool.loggedIn()));
  REQUIRE(spool.waitFor([&] { return !spool.sent.empty(); }));
  const std::string id = onlyId(spool);
  CHECK(spool.ask({"queue", "edit", id, "--expiry", "nonsense"}).exitCode != 0);
  CHECK(spool.ask({"queue", "edit", id, "--expiry", "1s"}).exitCode == 0);
  REQUIRE(spool.waitFor([&] {
    spool.ask({"queue", "retry", "--all"});
    return spool.mailboxOf("alice").size() == 1;
  }));
}

TEST_CASE("delete --notify tells the sender, delete does not") {
  SpoolFixture spool;
  spool.start();
  spool.ask({"queue", "disable"});
  REQUIRE(spool.send("alice@example.test", {"x@far.test"}, kText, spool.loggedIn()));
  REQUIRE(spool.waitFor([&] { return spool.ask({"queue", "list"}).output.find("x@far.test") != std::string::npos; }));
  CHECK(spool.ask({"queue", "delete", onlyId(spool), "--notify"}).exitCode == 0);
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("alice").size() == 1; }));
  REQUIRE(spool.send("alice@example.test", {"x@far.test"}, kText, spool.loggedIn()));
  spool.ask({"queue", "delete", "--all"});
  CHECK(spool.ask({"queue", "list"}).output.find("The queue is empty") != std::string::npos);
  CHECK(spool.mailboxOf("alice").size() == 1);
}

TEST_CASE("badmail is listed with its reason and goes out again by retry") {
  SpoolFixture spool;
  spool.start();
  spool.drop("broken.eml", "no header at all");
  REQUIRE(spool.waitFor([&] { return spool.ask({"badmail", "list"}).output.find("broken.eml") != std::string::npos; }));
  const std::string list = spool.ask({"badmail", "list", "--json"}).output;
  const std::size_t at = list.find("\"name\":\"") + 8;
  const std::string name = list.substr(at, list.find('"', at) - at);
  CHECK(spool.ask({"badmail", "show", name}).output.find("no header at all") != std::string::npos);
  CHECK(spool.ask({"badmail", "show", "../" + name}).exitCode != 0);
  CHECK(spool.ask({"badmail", "purge", name}).exitCode == 0);
  CHECK(spool.ask({"badmail", "list"}).output.find("There is no badmail") != std::string::npos);
}

TEST_CASE("how old the queue is stands in a table by domain") {
  SpoolFixture spool;
  spool.start();
  spool.ask({"queue", "disable"});
  REQUIRE(spool.send("alice@example.test", {"x@far.test", "y@far.test"}, kText, spool.loggedIn()));
  const std::string table = spool.ask({"queue", "ages"}).output;
  CHECK(table.find("TOTAL       2     2") != std::string::npos);
  CHECK(table.find("far.test       2     2") != std::string::npos);
}
