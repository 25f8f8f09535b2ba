// What fits into none of the mailboxes it is for is refused while its sender listens, not reported later to one who may be forged.
#include <catch2/catch.hpp>

#include "tests/unit/queued/spool/spool_fixture.h"

using namespace ostler;
using namespace ostler::spool;

namespace {

constexpr std::uint64_t kLimit = 4000;

std::string ofSize(std::size_t octets) {
  std::string content = "Subject: of some size\r\n\r\n";
  while (content.size() < octets) content += std::string(70, 'x') + "\r\n";
  return content;
}

/// Nobody's size was declared.
ipc::SmtpReply replyTo(SpoolFixture& spool, const std::vector<std::string>& to, std::size_t octets, const std::string& from = "s@elsewhere.test") {
  const auto reply = spool.send(from, to, ofSize(octets));
  REQUIRE(reply);
  REQUIRE_FALSE(reply->replies.empty());
  return reply->replies.front();
}

ipc::SmtpReply rcptOf(SpoolFixture& spool, const std::string& to, std::uint64_t size) {
  ipc::CheckRecipient request;
  request.forwardPath = to;
  request.declaredSize = size;
  return spool.askAs(std::move(request));
}

bool drained(SpoolFixture& spool) { return spool.ask({"queue", "wait", "--empty", "--timeout", "10"}).exitCode == 0; }

}  // namespace

TEST_CASE("a message whose size was not declared and that no mailbox of it has room for is refused at its end, and nobody gets a report") {
  SpoolFixture spool;
  spool.accounts.at("alice").quotaOctets = spool.accounts.at("bob").quotaOctets = kLimit;
  spool.crews = {{"crew", {"alice", "bob"}}};
  spool.start();
  CHECK(replyTo(spool, {"alice@example.test"}, 2000).code == 250);
  REQUIRE(drained(spool));
  for (const std::vector<std::string>& to : {std::vector<std::string>{"bob@example.test"}, {"alice@example.test", "bob@example.test"}, {"crew@example.test"}}) {
    CAPTURE(to);
    const ipc::SmtpReply reply = replyTo(spool, to, kLimit, "carol@example.test");
    CHECK(reply.code == 552);
    CHECK(reply.enhanced == "5.2.2");
  }
  CHECK(replyTo(spool, {"alice@example.test"}, 2500).code == 552);  // one that an empty mailbox would hold, too
  REQUIRE(drained(spool));
  CHECK(spool.mailboxOf("alice").size() == 1);
  CHECK(spool.mailboxOf("carol").empty());
}

TEST_CASE("what fits into one mailbox of several is taken, whichever of them that is, and of the others the sender is told") {
  SpoolFixture spool;
  spool.accounts.at("alice").quotaOctets = 2 * kLimit;
  spool.accounts.at("bob").quotaOctets = kLimit;
  spool.crews = {{"crew", {"bob", "alice"}}};
  spool.start();
  const std::vector<std::string> to = GENERATE(std::vector<std::string>{"bob@example.test", "alice@example.test"}, std::vector<std::string>{"crew@example.test"},
                                               std::vector<std::string>{"bob@example.test", "x@far.test"});
  const auto reply = spool.send("alice@example.test", to, ofSize(kLimit + 1000), spool.loggedIn());
  REQUIRE(reply);
  CHECK(reply->replies.front().code == 250);
  REQUIRE(drained(spool));
  CHECK(spool.mailboxOf("bob").empty());
}

TEST_CASE("while nobody can say how full a mailbox is, what comes for it is taken") {
  SpoolFixture spool;
  spool.accounts.at("bob").quotaOctets = kLimit;
  spool.start();
  const Id128 draft = spool.openDraft("bob@example.test", "");
  spool.faults->next("quota", Error{Error::Kind::temporary, "not now"});
  CHECK(spool.commit(draft, ofSize(2 * kLimit)).code == 250);
}

TEST_CASE("an alias of mailboxes that are all full is refused as one mailbox is; with room in one of them, or with somebody elsewhere, it is not") {
  SpoolFixture spool;
  spool.crews = {{"crew", {"alice", "bob"}}, {"everybody", {"alice", "bob", "carol"}}};
  spool.forwards["staff"] = {"crew@alias.test"};
  for (const char* const user : {"alice", "bob"}) spool.accounts.at(user).quotaOctets = kLimit;
  spool.start();
  for (const char* const user : {"alice", "bob"}) REQUIRE(replyTo(spool, {std::string(user) + "@example.test"}, 2500).code == 250);
  REQUIRE(drained(spool));
  for (const char* const path : {"crew@example.test", "staff@example.test"}) {
    CAPTURE(path);
    CHECK(rcptOf(spool, path, 100).code == 250);
    CHECK(rcptOf(spool, path, 3000).enhanced == "4.2.2");
    CHECK(rcptOf(spool, path, 3000).code == 452);
    CHECK(rcptOf(spool, path, kLimit + 1).enhanced == "5.2.2");
    CHECK(rcptOf(spool, path, kLimit + 1).code == 552);
  }
  CHECK(rcptOf(spool, "team@example.test", kLimit + 1).code == 250);  // alice, and bob elsewhere
  CHECK(rcptOf(spool, "everybody@example.test", kLimit + 1).code == 250);
}
