#include "queued/policy/checks.h"

#include <catch2/catch.hpp>

#include <set>

#include "libmailcore/ipc/directory.h"
#include "libmailcore/ipc/lookup.h"

using namespace ostler;
using namespace ostler::policy;

namespace {

using LookedState = ipc::LookedUp::State;

int codeOf(Stage stage, const Facts& facts) {
  const auto reply = firstObjection(stage, facts);
  return reply ? reply->code : 0;
}

struct Room {
  config::Config config;
  config::VirtualServer server;
  Facts facts{config, server, {"smtp", "192.0.2.7:1"}};
};

}  // namespace

TEST_CASE("every check has a name of its own and says where it is written") {
  std::set<std::pair<std::string_view, Stage>> names;
  for (const Check& check : allChecks()) {
    CAPTURE(check.name);
    CHECK(names.insert({check.name, check.stage}).second);
    CHECK(check.writtenIn.starts_with("RFC "));
  }
}

TEST_CASE("as the settings are shipped, nothing is looked up but the domain of a stranger's sender and the disk") {
  Room room;
  room.facts.reversePath = "a@b.test";
  unsigned needs = 0;
  for (const Check& check : allChecks()) needs |= check.needs(room.facts);
  CHECK(needs == (senderDomain | diskRoom));
}

TEST_CASE("clients may be let in or kept out by name") {
  Room room;
  room.server.accessExcept.names = {".bad.test"};
  room.facts.clientName = {LookedState::yes, "mail.bad.test"};
  CHECK(codeOf(Stage::connect, room.facts) == 554);
  room.facts.clientName = {LookedState::yes, "mail.good.test"};
  CHECK(codeOf(Stage::connect, room.facts) == 0);
  room.facts.clientName = {LookedState::yes, "xbad.test"};
  CHECK(codeOf(Stage::connect, room.facts) == 0);

  Room only;
  only.server.accessOnly.names = {"mail.good.test"};
  only.server.accessOnly.networks = {net::Cidr::parse("198.51.100.0/24").value()};
  only.facts.clientName = {LookedState::yes, "MAIL.good.test"};
  CHECK(codeOf(Stage::connect, only.facts) == 0);
  only.facts.clientName = {LookedState::no, ""};
  CHECK(codeOf(Stage::connect, only.facts) == 554);
  only.facts.clientName = {LookedState::later, ""};
  CHECK(codeOf(Stage::connect, only.facts) == 421);
  only.facts.client.address = "198.51.100.3:9";
  CHECK(codeOf(Stage::connect, only.facts) == 0);
}

TEST_CASE("reverse DNS and HELO are looked at where that is set, and a name server that is away refuses nobody for good") {
  Room room;
  room.facts.helo = "nowhere.test";
  room.facts.clientName.state = room.facts.heloHost.state = LookedState::no;
  CHECK(codeOf(Stage::rcpt, room.facts) == 0);
  room.server.checkReverseDns = true;
  CHECK(codeOf(Stage::connect, room.facts) == 0);  // a message for postmaster may come
  CHECK(firstObjection(Stage::rcpt, room.facts)->enhanced == "5.7.25");
  room.facts.clientName.state = LookedState::later;
  CHECK(codeOf(Stage::rcpt, room.facts) == 451);
  room.server.checkReverseDns = false;
  room.server.checkHelo = true;
  CHECK(firstObjection(Stage::rcpt, room.facts)->enhanced == "5.7.1");
  room.facts.heloHost.state = LookedState::later;
  CHECK(codeOf(Stage::rcpt, room.facts) == 451);
}

TEST_CASE("an address literal in HELO has to be one") {
  Room room;
  room.server.checkHelo = true;
  for (const char* const good : {"[192.0.2.7]", "[IPv6:2001:db8::1]"}) {
    room.facts.helo = good;
    CHECK(codeOf(Stage::rcpt, room.facts) == 0);
  }
  for (const char* const bad : {"[junk]", "[1.2.3]", "[", "[]"}) {
    room.facts.helo = bad;
    CHECK(codeOf(Stage::rcpt, room.facts) == 550);
  }
}

TEST_CASE("names are asked of strangers alone: not of who logged in, is listed for relay, or comes by submission") {
  Room room;
  room.facts.helo = "nowhere.test";
  room.server.checkReverseDns = room.server.checkHelo = true;
  room.facts.clientName.state = room.facts.heloHost.state = LookedState::no;
  CHECK(codeOf(Stage::rcpt, room.facts) == 550);
  ipc::Identity alice;
  alice.known = true;
  room.facts.client.identity = &alice;
  CHECK(codeOf(Stage::rcpt, room.facts) == 0);
  room.facts.client.identity = nullptr;
  room.facts.client.service = "submission";
  CHECK(codeOf(Stage::rcpt, room.facts) == 0);
  room.facts.client.service = "smtp";
  room.server.relayFrom = {net::Cidr::parse("192.0.2.0/24").value()};
  CHECK(codeOf(Stage::rcpt, room.facts) == 0);
}

TEST_CASE("the domain of a sender is not looked up where it is an address literal") {
  Room room;
  room.facts.reversePath = "a@[192.0.2.9]";
  unsigned needs = 0;
  for (const Check& check : allChecks()) needs |= check.needs(room.facts);
  CHECK((needs & senderDomain) == 0);
}

TEST_CASE("who may not relay hears what would help") {
  Room room;
  route::Route remote;
  remote.kind = route::Route::Kind::remote;
  room.facts.route = &remote;
  room.facts.forwardPath = "x@elsewhere.test";
  const auto says = [&](const char* words) { return firstObjection(Stage::rcpt, room.facts)->text.find(words) != std::string::npos; };
  CHECK(says("Log in first"));
  room.server.relayAuthenticated = false;
  CHECK_FALSE(says("Log in"));
  CHECK(says("listed clients"));
  ipc::Identity alice;
  alice.known = true;
  room.facts.client.identity = &alice;
  CHECK_FALSE(says("Log in first"));
  room.facts.client.identity = nullptr;
  room.server.relayAuthenticated = true;
  room.server.auth.mechanisms.clear();
  CHECK_FALSE(says("Log in"));
}

TEST_CASE("a sender whom nobody could answer is refused") {
  Room room;
  room.facts.reversePath = "a@b.test";
  room.facts.senderDomain.state = LookedState::no;
  CHECK(firstObjection(Stage::rcpt, room.facts)->enhanced == "5.1.8");
  room.facts.senderDomain.state = LookedState::nullMx;
  CHECK(firstObjection(Stage::rcpt, room.facts)->enhanced == "5.7.27");
  room.facts.senderDomain.state = LookedState::later;
  CHECK(codeOf(Stage::rcpt, room.facts) == 0);
  room.facts.diskHasRoom = false;
  CHECK(firstObjection(Stage::mail, room.facts)->enhanced == "4.3.1");
}

TEST_CASE("a client that is listed by name may relay, one that only says so may not") {
  Room room;
  route::Route remote;
  remote.kind = route::Route::Kind::remote;
  room.facts.route = &remote;
  room.server.relayFromNames = {".partner.test"};
  room.facts.clientName.state = LookedState::no;
  CHECK(codeOf(Stage::rcpt, room.facts) == 554);
  room.facts.clientName = {LookedState::yes, "out.partner.test"};
  CHECK(codeOf(Stage::rcpt, room.facts) == 0);
  room.facts.client.service = "lmtp";
  CHECK(codeOf(Stage::rcpt, room.facts) == 550);
}

TEST_CASE("a client that may be listed by name is told to come back while its name cannot be looked up") {
  Room room;
  route::Route remote;
  remote.kind = route::Route::Kind::remote;
  room.facts.route = &remote;
  room.facts.clientName.state = LookedState::later;
  CHECK(codeOf(Stage::rcpt, room.facts) == 554);  // there are no names to be on
  room.server.relayFromNames = {".partner.test"};
  const auto reply = firstObjection(Stage::rcpt, room.facts);
  REQUIRE(reply);
  CHECK(reply->code == 451);
  CHECK(reply->enhanced == "4.4.3");
}

TEST_CASE("which senders a user may have is the virtual server's rule") {
  ipc::Identity alice;
  alice.known = true;
  alice.account.address = "alice@example.test";
  alice.addresses = {"sales@example.test"};
  using Rule = config::SenderRule;
  struct Row {
    Rule rule;
    const char* path;
    bool may;
  };
  for (const Row& row : {Row{Rule::own, "alice@example.test", true}, Row{Rule::own, "alice+x@example.test", true},
                         Row{Rule::own, "sales@example.test", false}, Row{Rule::alias, "sales@example.test", true},
                         Row{Rule::alias, "bob@example.test", false}, Row{Rule::domain, "bob@example.test", true},
                         Row{Rule::domain, "bob@other.test", false}, Row{Rule::domain, "x@evil.test@example.test.evil", false},
                         Row{Rule::domain, "@example.test", false}, Row{Rule::any, "bob@other.test", true}}) {
    CAPTURE(static_cast<int>(row.rule), row.path);
    CHECK(mayUse(row.rule, alice, row.path, "+") == row.may);
  }
}

TEST_CASE("an alias behind which there is the user alone is an address of its own, but for the strictest rule") {
  Room room;
  ipc::Identity alice;
  alice.known = true;
  alice.account.address = "alice@example.test";
  room.facts.client.identity = &alice;
  room.facts.client.service = "submission";
  room.facts.reversePath = "sales@example.test";
  using Rule = config::SenderRule;
  for (const auto& [rule, isLookedUp] : {std::pair(Rule::own, false), std::pair(Rule::alias, true), std::pair(Rule::domain, false), std::pair(Rule::any, false)}) {
    CAPTURE(static_cast<int>(rule));
    room.server.senderRule = rule;
    unsigned needs = noFact;
    for (const Check& check : allChecks()) {
      if (check.name == std::string_view("sender_owner")) needs = check.needs(room.facts);
    }
    CHECK(((needs & senderAlias) != 0) == isLookedUp);
  }
  room.server.senderRule = Rule::alias;
  CHECK(codeOf(Stage::mail, room.facts) == 553);
  room.facts.senderCannotBeLookedUp = true;
  CHECK(codeOf(Stage::mail, room.facts) == 451);
  room.facts.senderLeadsToUser = true;
  CHECK(codeOf(Stage::mail, room.facts) == 0);
}

TEST_CASE("postmaster of a domain of ours is past all checks of a recipient but whether there is one with room") {
  Room room;
  route::Route local;
  local.kind = route::Route::Kind::local;
  room.facts.route = &local;
  room.facts.senderDomain.state = LookedState::no;
  room.server.checkHelo = room.server.checkReverseDns = true;
  room.facts.helo = "nowhere.test";
  room.facts.heloHost.state = room.facts.clientName.state = LookedState::no;
  room.facts.sentTooMuch = "more than 5 recipients an hour";
  for (const char* path : {"postmaster@example.test", "PostMaster", "postmaster@x"}) {
    CAPTURE(path);
    room.facts.forwardPath = path;
    CHECK(codeOf(Stage::rcpt, room.facts) == 0);
    room.facts.fill = {10, 1, 10, 0};
    CHECK(codeOf(Stage::rcpt, room.facts) == 452);
    room.facts.fill = {};
  }
  for (const char* path : {"postmasters@example.test", "bob@postmaster"}) {
    CAPTURE(path);
    room.facts.forwardPath = path;
    CHECK(codeOf(Stage::rcpt, room.facts) == 550);
  }
  room.facts.forwardPath = "postmaster@elsewhere.test";
  local.kind = route::Route::Kind::remote;
  CHECK(codeOf(Stage::rcpt, room.facts) == 554);
}

TEST_CASE("content that came by too many servers is refused at its end") {
  Room room;
  room.server.limits.hops = 2;
  room.facts.head = "Received: by us\r\nReceived: a\r\nReceived: b\r\n\r\n";
  CHECK(codeOf(Stage::endOfData, room.facts) == 0);
  room.facts.head = "Received: by us\r\nReceived: a\r\nReceived: b\r\nReceived: c\r\n\r\n";
  CHECK(firstObjection(Stage::endOfData, room.facts)->enhanced == "5.4.6");
}
