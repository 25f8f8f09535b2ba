// The role in one process: a memory store, a fake auth and a fake out on real sockets in a temporary folder.
#include "queued/spool/role.h"

#include <catch2/catch.hpp>

#include "tests/unit/queued/spool/spool_fixture.h"

using namespace ostler;
using namespace ostler::spool;

TEST_CASE("a message for a mailbox is accepted and delivered") {
  SpoolFixture house;
  house.start();
  const auto reply = house.send("sender@elsewhere.test", {"alice@example.test"}, "Subject: hi\r\n\r\nhello\r\n");
  REQUIRE(reply);
  CHECK(reply->queueId.size() == 26);
  REQUIRE(reply->replies.size() == 1);
  CHECK(reply->replies[0].code == 250);
  REQUIRE(house.waitFor([&] { return house.mailboxOf("alice").size() == 1; }));
  CHECK(house.mailboxOf("alice")[0] ==
        "Return-Path: <sender@elsewhere.test>\r\nDelivered-To: alice@example.test\r\nSubject: hi\r\n\r\nhello\r\n");
}

TEST_CASE("what was answered 250 is delivered exactly once after a restart") {
  SpoolFixture house;
  house.start();
  REQUIRE(house.send("s@elsewhere.test", {"alice@example.test"}, "Subject: 1\r\n\r\n1\r\n"));
  house.restart();
  REQUIRE(house.waitFor([&] { return house.mailboxOf("alice").size() >= 1; }));
  house.restart();
  REQUIRE(house.send("s@elsewhere.test", {"alice@example.test"}, "Subject: 2\r\n\r\n2\r\n"));
  REQUIRE(house.waitFor([&] { return house.mailboxOf("alice").size() >= 2; }));
  CHECK(house.mailboxOf("alice").size() == 2);
}

TEST_CASE("mail for a next hop goes out with its envelope and content, and a refusal comes back as a report") {
  SpoolFixture house;
  house.start();
  house.outReply = {550, "5.1.1", "no such user"};
  house.outState = ipc::RecipientOutcome::State::failed;
  REQUIRE(house.send("alice@example.test", {"bob@remote.test"}, "Subject: out\r\n\r\nx\r\n", house.loggedIn()));
  REQUIRE(house.waitFor([&] { return house.mailboxOf("alice").size() == 1; }));
  CHECK(house.sent.size() == 1);
  CHECK(house.sent[0].content.find("Subject: out\r\n") != std::string::npos);
  CHECK(house.mailboxOf("alice")[0].find("550 5.1.1") != std::string::npos);
  CHECK(house.mailboxOf("alice")[0].starts_with("Return-Path: <>\r\n"));
}

TEST_CASE("a stranger may not relay, not even when smtpd says so") {
  SpoolFixture house;
  house.start();
  const auto reply = house.send("s@elsewhere.test", {"bob@remote.test"}, "Subject: x\r\n\r\nx\r\n");
  REQUIRE_FALSE(reply);
  CHECK(reply.error().kind == Error::Kind::denied);
}

TEST_CASE("a large message goes through a file and is delivered whole") {
  SpoolFixture house;
  house.start();
  std::string body = "Subject: big\r\n\r\n";
  while (body.size() < 700'000) body += "0123456789 0123456789 0123456789 0123456789\r\n";
  REQUIRE(house.send("s@elsewhere.test", {"alice@example.test"}, body));
  REQUIRE(house.waitFor([&] { return house.mailboxOf("alice").size() == 1; }));
  CHECK(house.mailboxOf("alice")[0].ends_with(body));
}

TEST_CASE("a file dropped into pickup is delivered without its Bcc") {
  SpoolFixture house;
  house.start();
  house.drop("letter.eml", "From: bob@example.test\nTo: alice@example.test\nBcc: carol@example.test\nSubject: p\n\nhi\n");
  REQUIRE(house.waitFor([&] { return house.mailboxOf("alice").size() == 1 && house.mailboxOf("carol").size() == 1; }));
  CHECK(house.mailboxOf("alice")[0].find("Bcc") == std::string::npos);
}
