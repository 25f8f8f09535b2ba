// The role in one process: a memory store, a fake auth and a fake out on real sockets in a temporary folder.
#include "queued/spool/role.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <set>

#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/sending.h"
#include "libmailcore/ipc/session_info.h"
#include "queued/spool/schedule_index.h"
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
  REQUIRE(reply);
  CHECK(reply->queueId.empty());
  CHECK(reply->replies.front().code == 554);
}

TEST_CASE("a session of a virtual server that a reload took away is told to come back, and has no rights of another one") {
  SpoolFixture house;
  house.change([](config::Config& config) {
    config::VirtualServer strict = config.virtualServers.front();
    strict.name = "strict";
    config.virtualServers.front().relayFrom = {*net::Cidr::parse("192.0.2.0/24")};
    config.virtualServers.front().expn = config::Askers::everybody;
    config.virtualServers.push_back(strict);
  });
  house.start();
  ipc::SessionInfo session = SpoolFixture::stranger();
  session.virtualServer = "strict";
  CHECK(house.rcpt("bob@remote.test", session).code == 554);
  const Id128 under = house.openDraft("alice@example.test", "", session);
  const Id128 other = house.openDraft("alice@example.test", "");
  house.change([](config::Config& config) { config.virtualServers.resize(1); });
  house.reload();
  CHECK(house.rcpt("bob@remote.test", session).code == 451);
  CHECK(house.rcpt("alice@example.test", session).code == 451);
  CHECK(house.askAs(ipc::CheckSender{}, session).code == 451);
  CHECK(house.askAs(ipc::CheckClient{}, session).code == 421);
  ipc::Verify expand;
  expand.argument = "team@example.test";
  expand.expand = true;
  CHECK(house.askAs(expand, session).code == 451);
  ipc::EtrnRequest etrn;
  etrn.argument = "held.test";
  CHECK(house.askAs(etrn, session).code == 451);
  const auto late = house.send("s@elsewhere.test", {"bob@remote.test"}, kText, session);
  REQUIRE(late);
  CHECK(late->replies.front().code == 451);
  CHECK(house.commit(under, kText).code == 451);  // its envelope was taken before
  CHECK(house.commit(other, kText).code == 250);
  CHECK(house.rcpt("bob@remote.test").code == 250);
  CHECK(house.ask({"explain", "--to", "bob@remote.test", "--server", "strict"}).exitCode != 0);
}

TEST_CASE("who is not known to auth any more is told to log in again, and nothing of his is refused for good") {
  SpoolFixture house;
  house.start();
  ipc::SessionInfo session = house.loggedIn();
  session.token = "of the auth that was killed";
  CHECK(house.askAs(ipc::CheckSender{}, session).code == 421);
  CHECK(house.rcpt("bob@example.test", session).code == 451);
  const auto late = house.send("alice@example.test", {"bob@example.test"}, kText, session);
  REQUIRE(late);
  CHECK(late->replies.front().code == 451);
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

TEST_CASE("a file in pickup that has come by too many servers comes back to its sender once; a report that has is kept as badmail") {
  SpoolFixture house;
  house.start();
  std::string trace;
  for (int hop = 0; hop < 60; ++hop) trace += "Received: from a by b; Sat, 21 Nov 2026 22:00:00 +0000\r\n";
  const std::string content = trace + "From: alice@example.test\r\nTo: bob@example.test\r\nSubject: round\r\n\r\nx\r\n";
  house.drop("round.eml", "X-Sender: <alice@example.test>\r\nX-Receiver: <bob@example.test>\r\n" + content);
  REQUIRE(house.waitFor([&] { return house.mailboxOf("alice").size() == 1; }));
  CHECK(house.mailboxOf("alice")[0].find("5.4.6") != std::string::npos);
  house.drop("report.eml", "X-Sender: <>\r\nX-Receiver: <bob@example.test>\r\n" + content);
  REQUIRE(house.waitFor([&] { return house.ask({"badmail", "list"}).output.find("Too many hops") != std::string::npos; }));
  house.restart();
  CHECK(house.ask({"queue", "wait", "--empty", "--timeout", "5"}).exitCode == 0);
  CHECK(house.mailboxOf("alice").size() == 1);
  CHECK(house.mailboxOf("bob").empty());
}

TEST_CASE("every local user may add to pickup/, and neither list it nor remove what others added; the spool reads it by the folder's group") {
  const SpoolFixture house;
  struct stat status {};
  REQUIRE(::stat(house.config->pickupDir().c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 03733);
  REQUIRE(::stat((house.config->pickupDir() + "/.taken").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0700);
}

TEST_CASE("a file too large for a message goes to badmail unread, with the reason; one with two names waits") {
  SpoolFixture house;
  house.start();
  const std::string pickup = house.config->pickupDir();
  house.drop("letter.eml", "From: bob@example.test\nTo: alice@example.test\nSubject: p\n\nhi\n");
  REQUIRE(house.waitFor([&] { return house.mailboxOf("alice").size() == 1; }));
  const std::string secret = pickup + "/../secret";
  std::ofstream(secret) << "From: bob@example.test\nTo: alice@example.test\nSubject: secret\n\nhi\n";
  std::filesystem::create_hard_link(secret, pickup + "/linked");
  std::ofstream(pickup + "/.large") << "From: bob@example.test\nTo: alice@example.test\n\n";
  std::filesystem::resize_file(pickup + "/.large", 40U << 20);  // 35 MiB are allowed
  std::filesystem::rename(pickup + "/.large", pickup + "/large");
  REQUIRE(house.waitFor([&] { return !std::filesystem::is_empty(house.config->badmailDir()); }));
  CHECK(std::filesystem::exists(pickup + "/linked"));
  CHECK(house.mailboxOf("alice").size() == 1);
}

TEST_CASE("a mailbox that is reached several ways gets one copy: twice named, by an alias beside it") {
  SpoolFixture house;
  house.forwards["friends"] = {"bob@remote.test", "y@remote.test"};
  house.start();
  const std::vector<std::string> to = {"alice@example.test", "alice@example.test", "team@example.test", "friends@example.test", "y@remote.test", "y@remote.test"};
  REQUIRE(house.send("s@elsewhere.test", {to[0], to[1], to[2], to[3]}, kText));
  REQUIRE(house.ask({"queue", "wait", "--empty", "--timeout", "8"}).exitCode == 0);
  CHECK(house.mailboxOf("alice").size() == 1);
  REQUIRE(house.send("alice@example.test", to, kText, house.loggedIn()));
  REQUIRE(house.ask({"queue", "wait", "--empty", "--timeout", "8"}).exitCode == 0);
  CHECK(house.mailboxOf("alice").size() == 2);
  std::map<std::string, int> times;
  for (const SpoolFixture::Sent& one : house.sent) {
    for (const ipc::Recipient& recipient : one.request.envelope.recipients) ++times[recipient.forwardPath];
  }
  CHECK(times == std::map<std::string, int>{{"bob@remote.test", 2}, {"y@remote.test", 2}});
}

TEST_CASE("an alias that leads here and elsewhere reaches both, and each once after a restart") {
  SpoolFixture house;
  house.start();
  REQUIRE(house.send("s@elsewhere.test", {"team@example.test", "alice@example.test"}, "Subject: t\r\n\r\nx\r\n"));
  REQUIRE(house.waitFor([&] { return house.mailboxOf("alice").size() >= 1 && house.sent.size() >= 1; }));
  house.restart();
  house.ask({"queue", "wait", "--empty", "--timeout", "5"});
  CHECK(house.mailboxOf("alice").size() == 1);
  CHECK(house.sent.size() == 1);
  CHECK(house.sent[0].request.envelope.recipients[0].orcpt == "rfc822;team@example.test");
}

TEST_CASE("a host that does not answer leaves the message in the queue with the reason, and retry sends it") {
  SpoolFixture house;
  house.start();
  house.outState = ipc::RecipientOutcome::State::deferred;
  house.outReply = {451, "4.4.1", "connection refused"};
  house.outHost = "";
  REQUIRE(house.send("alice@example.test", {"bob@remote.test"}, "Subject: d\r\n\r\nx\r\n", house.loggedIn()));
  REQUIRE(house.waitFor([&] { return house.ask({"queue", "list"}).output.find("connection refused") != std::string::npos; }));
  house.restart();
  CHECK(house.ask({"queue", "list", "--postfix"}).output.find("connection refused") != std::string::npos);
  house.outState = ipc::RecipientOutcome::State::delivered;
  house.ask({"queue", "retry", "ALL"});
  CHECK(house.ask({"queue", "wait", "--empty", "--timeout", "5"}).exitCode == 0);
}

TEST_CASE("what is frozen stays, through a restart too, until it is thawed") {
  SpoolFixture house;
  house.start();
  house.ask({"queue", "freeze", "--all"});
  REQUIRE(house.send("s@elsewhere.test", {"alice@example.test"}, "Subject: f\r\n\r\nx\r\n"));
  house.restart();
  CHECK(house.ask({"queue", "wait", "--empty", "--timeout", "1"}).exitCode != 0);
  CHECK(house.mailboxOf("alice").empty());
  house.ask({"queue", "thaw", "--all"});
  CHECK(house.ask({"queue", "wait", "--empty", "--timeout", "5"}).exitCode == 0);
  CHECK(house.mailboxOf("alice").size() == 1);
}

TEST_CASE("NOTIFY=SUCCESS is answered by a report, NOTIFY=NEVER by none") {
  SpoolFixture house;
  house.start();
  const auto success = [](ipc::Envelope& envelope) { envelope.recipients[0].notify = ipc::Recipient::kNotifySuccess; };
  REQUIRE(house.send("carol@example.test", {"alice@example.test"}, "Subject: n\r\n\r\nx\r\n", SpoolFixture::stranger(), success));
  REQUIRE(house.waitFor([&] { return house.mailboxOf("carol").size() == 1; }));
  CHECK(house.mailboxOf("carol")[0].find("Action: delivered") != std::string::npos);
  house.outState = ipc::RecipientOutcome::State::failed;
  house.outReply = {550, "5.1.1", "no"};
  const auto never = [](ipc::Envelope& envelope) { envelope.recipients[0].notify = ipc::Recipient::kNotifyNever; };
  REQUIRE(house.send("alice@example.test", {"bob@remote.test"}, "Subject: n\r\n\r\nx\r\n", house.loggedIn(), never));
  CHECK(house.ask({"queue", "wait", "--empty", "--timeout", "5"}).exitCode == 0);
  CHECK(house.mailboxOf("alice").size() == 1);
}

TEST_CASE("a report that cannot be delivered is kept in badmail with the reason") {
  SpoolFixture house;
  house.start();
  REQUIRE(house.send("", {"alice@example.test"}, "Subject: b\r\n\r\nx\r\n"));
  house.outState = ipc::RecipientOutcome::State::failed;
  house.outReply = {550, "5.1.1", "no such user"};
  const auto nobody = [](ipc::Envelope& envelope) { envelope.reversePath.clear(); };
  REQUIRE(house.send("", {"bob@remote.test"}, "Subject: b\r\n\r\nx\r\n", house.loggedIn(), nobody));
  CHECK(house.ask({"queue", "wait", "--empty", "--timeout", "5"}).exitCode == 0);
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(house.config->badmailDir())) files += entry.is_regular_file() ? 1 : 0;
  CHECK(files == 2);
}

TEST_CASE("a committed draft is known by its id after a restart, and its id is not taken twice") {
  SpoolFixture house;
  house.start();
  const auto reply = house.send("s@elsewhere.test", {"alice@example.test"}, "Subject: o\r\n\r\nx\r\n");
  REQUIRE(reply);
  house.restart();
  CHECK(house.outcomeOf(*Id128::parse(reply->queueId)) == reply->queueId);
  CHECK(house.outcomeOf(Id128::make(std::chrono::system_clock::now())).empty());
}

TEST_CASE("over LMTP each recipient has a reply of its own") {
  SpoolFixture house;
  house.start();
  ipc::SessionInfo session = SpoolFixture::stranger();
  session.service = "lmtp";
  const auto reply = house.send("s@elsewhere.test", {"alice@example.test", "bob@example.test"}, "Subject: l\r\n\r\nx\r\n", session);
  REQUIRE(reply);
  REQUIRE(reply->replies.size() == 2);
  CHECK(reply->replies[1].code == 250);
  CHECK(house.mailboxOf("alice").size() == 1);
  CHECK(house.mailboxOf("bob").size() == 1);
}

TEST_CASE("over LMTP who is named twice has two replies and one copy, and an alias behind leads elsewhere all the same") {
  SpoolFixture house;
  house.start();
  ipc::SessionInfo session = SpoolFixture::stranger();
  session.service = "lmtp";
  const std::vector<std::string> to = {"carol@example.test", "carol@example.test", "team@example.test"};
  const auto reply = house.send("s@elsewhere.test", to, "Subject: l\r\n\r\nx\r\n", session);
  REQUIRE(reply);
  REQUIRE(reply->replies.size() == 3);
  for (const ipc::SmtpReply& one : reply->replies) CHECK(one.code == 250);
  CHECK(house.mailboxOf("carol").size() == 1);
  CHECK(house.waitFor([&] { return house.sent.size() == 1 && house.mailboxOf("alice").size() == 1; }));
  CHECK(house.sent[0].request.envelope.recipients.at(0).forwardPath == "bob@remote.test");
}

TEST_CASE("over LMTP an alias that leads elsewhere takes all that the queue takes: large content, and what the header asks for") {
  SpoolFixture house;
  house.start();
  ipc::SessionInfo session = SpoolFixture::stranger();
  session.service = "lmtp";
  const std::string text = "TLS-Required: No\r\nSubject: l\r\n\r\n" + std::string(GENERATE(1U, 700'000U), 'x') + "\r\n";
  const auto reply = house.send("s@elsewhere.test", {"carol@example.test", "team@example.test"}, text, session);
  REQUIRE(reply);
  REQUIRE(reply->replies.size() == 2);
  for (const ipc::SmtpReply& one : reply->replies) CHECK(one.code == 250);
  REQUIRE(house.waitFor([&] { return house.sent.size() == 1 && house.mailboxOf("alice").size() == 1 && house.mailboxOf("carol").size() == 1; }));
  CHECK(house.sent[0].content.ends_with(text));
  CHECK(house.sent[0].request.envelope.handling.tlsOptional);
  CHECK(house.waitFor([&] { return std::filesystem::is_empty(house.config->queueDir() + "/large"); }));
}

TEST_CASE("of an alias of two mailboxes one of which is full, the other has it once, and the sender hears of the full one alone") {
  SpoolFixture house;
  house.crews = {{"crew", {"carol", "bob"}}};
  house.accounts.at("bob").quotaMessages = 1;
  house.start();
  REQUIRE(house.submit({"bob@example.test"}));
  REQUIRE(house.ask({"queue", "wait", "--empty", "--timeout", "10"}).exitCode == 0);
  ipc::SessionInfo session = house.loggedIn();
  session.service = GENERATE("lmtp", "submission");
  const auto reply = house.send("alice@example.test", {"crew@example.test"}, "Subject: l\r\n\r\nx\r\n", session);
  REQUIRE(reply);
  REQUIRE(reply->replies.size() == 1);
  CHECK(reply->replies[0].code == 250);
  REQUIRE(house.waitFor([&] { return house.mailboxOf("alice").size() == 1; }, std::chrono::seconds(10)));
  const std::string report = house.mailboxOf("alice").front();
  CHECK(report.find("Final-Recipient: rfc822; bob@example.test\r\nAction: failed\r\nStatus: 5.2.2") != std::string::npos);
  CHECK(report.find("Original-Recipient: rfc822; crew@example.test") != std::string::npos);
  CHECK(report.find("Final-Recipient: rfc822; crew@example.test") == std::string::npos);
  CHECK(house.mailboxOf("carol").size() == 1);
  CHECK(house.mailboxOf("bob").size() == 1);
  CHECK(house.isEmpty());
}

TEST_CASE("what LMTP was answered is known by the draft's id, for a smtpd that lost us before the reply") {
  SpoolFixture house;
  house.start();
  ipc::SessionInfo session = SpoolFixture::stranger();
  session.service = "lmtp";
  const auto reply = house.send("s@elsewhere.test", {"alice@example.test"}, "Subject: l\r\n\r\nx\r\n", session);
  REQUIRE(reply);
  CHECK(house.outcomeOf(*Id128::parse(reply->queueId)) == reply->queueId);
}

TEST_CASE("a local user who opens drafts and leaves them keeps nobody else from sending") {
  SpoolFixture house;
  house.start();
  for (int n = 0; n < 200; ++n) REQUIRE(house.openLocalDraft());
  const auto refused = house.openLocalDraft();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == Error::Kind::limit);
  CHECK(house.send("s@elsewhere.test", {"alice@example.test"}, "Subject: l\r\n\r\nx\r\n"));
}

TEST_CASE("a mailing to 10,000 recipients at a host that does not answer delays no message to another host, nor to a mailbox") {
  SpoolFixture house;
  house.start();
  house.hangs = [](const ipc::Deliver& request) { return request.nextHop.name == "dead.test"; };
  std::vector<std::string> many;
  for (int n = 0; n < 10'000; ++n) many.push_back("u" + std::to_string(n) + "@dead.test");
  REQUIRE(house.send("alice@example.test", many, "Subject: all\r\n\r\nx\r\n", house.loggedIn()));
  const auto began = std::chrono::steady_clock::now();
  REQUIRE(house.send("alice@example.test", {"x@healthy.test", "bob@example.test"}, "Subject: one\r\n\r\nx\r\n", house.loggedIn()));
  CHECK(house.waitFor([&] { return house.sent.size() == 1 && house.mailboxOf("bob").size() == 1; }));
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(2));
  CHECK(house.sent.at(0).request.nextHop.name == "healthy.test");
}

TEST_CASE("a mailing goes in transactions of 100 recipients, each recipient once") {
  SpoolFixture house;
  house.start();
  std::vector<std::string> many;
  for (int n = 0; n < 1'050; ++n) many.push_back("u" + std::to_string(n) + "@remote.test");
  REQUIRE(house.send("alice@example.test", many, "Subject: all\r\n\r\nx\r\n", house.loggedIn()));
  CHECK(house.ask({"queue", "wait", "--empty", "--timeout", "10"}).exitCode == 0);
  std::set<std::string> reached;
  for (const SpoolFixture::Sent& one : house.sent) {
    CHECK(one.request.envelope.recipients.size() <= 100);
    for (const ipc::Recipient& to : one.request.envelope.recipients) CHECK(reached.insert(to.forwardPath).second);
  }
  CHECK(reached.size() == many.size());
}

TEST_CASE("a message that has come by too many servers is refused") {
  SpoolFixture house;
  house.start();
  std::string content;
  for (int hop = 0; hop < 60; ++hop) content += "Received: from a by b; Sat, 21 Nov 2026 22:00:00 +0000\r\n";
  const auto reply = house.send("s@elsewhere.test", {"alice@example.test"}, content + "\r\nx\r\n");
  REQUIRE(reply);
  CHECK(reply->queueId.empty());
  CHECK(reply->replies[0].enhanced == "5.4.6");
}

TEST_CASE("a held message survives that the log behind it is given back") {
  SpoolFixture house;
  auto config = std::make_shared<config::Config>(*house.config);
  config->queue.segmentSize = ByteCount{1U << 20};
  house.config = config;
  house.start();
  const auto held = house.send("alice@example.test", {"bob@remote.test"}, "Subject: held\r\n\r\nstay\r\n", house.loggedIn(), [&](ipc::Envelope&) {
    house.outState = ipc::RecipientOutcome::State::deferred;
  });
  REQUIRE(held);
  house.ask({"queue", "hold", held->queueId});
  const std::string body = "Subject: fill\r\n\r\n" + std::string(100'000, 'x') + "\r\n";
  std::string firstSegment = house.config->queueDir() + "/0000000000000001.seg";
  REQUIRE(house.waitFor([&] {
    (void)house.send("s@elsewhere.test", {"carol@example.test"}, body);
    house.skip(std::chrono::seconds(1));
    return !std::filesystem::exists(firstSegment);
  }, std::chrono::seconds(60)));
  house.restart();
  CHECK(house.ask({"queue", "show", held->queueId}).output.find("held") != std::string::npos);
  CHECK(house.ask({"queue", "verify"}).exitCode == 0);
  house.outState = ipc::RecipientOutcome::State::delivered;
  house.ask({"queue", "release", held->queueId});
  CHECK(house.waitFor([&] { return !house.sent.empty() && house.sent.back().content.find("stay\r\n") != std::string::npos; }));
}

TEST_CASE("what waits in segments older than those that start-up replays is whole after a restart") {
  SpoolFixture house;
  auto config = std::make_shared<config::Config>(*house.config);
  config->queue.segmentSize = ByteCount{1U << 20};
  house.config = config;
  house.outState = ipc::RecipientOutcome::State::deferred;
  house.start();
  const std::string body = "Subject: waits\r\n\r\n" + std::string(200'000, 'x') + "\r\n";
  for (int i = 0; i < 12; ++i) REQUIRE(house.send("alice@example.test", {"bob@remote.test"}, body, house.loggedIn()));
  REQUIRE(house.replayStartsBehind(1));
  house.restart();
  CHECK(std::filesystem::exists(house.config->queueDir() + "/0000000000000001.seg"));
  CHECK(house.ask({"queue", "verify"}).exitCode == 0);
  house.outState = ipc::RecipientOutcome::State::delivered;
  house.ask({"queue", "retry", "--all"});
  CHECK(house.ask({"queue", "wait", "--empty", "--timeout", "10"}).exitCode == 0);
}

TEST_CASE("a mailbox that cannot be written keeps its mail in the queue, through a restart too, and has it once when it can") {
  struct Case {
    const char* call;
    Error::Kind kind;
    const char* told;
  };
  const auto [call, kind, told] = GENERATE(Case{"append", Error::Kind::temporary, "4.3.0"}, Case{"append", Error::Kind::limit, "4.3.1"},
                                           Case{"open", Error::Kind::temporary, "4.3.0"}, Case{"open", Error::Kind::permanent, "4.3.0"});
  SpoolFixture house;
  house.start();
  house.faults->always(call, Error{kind, "made to fail"});
  REQUIRE(house.send("s@elsewhere.test", {"alice@example.test", "bob@example.test"}, "Subject: x\r\n\r\nx\r\n"));
  REQUIRE(house.waitFor([&] { return house.ask({"queue", "list"}).output.find(told) != std::string::npos; }));
  house.restart();
  CHECK(house.ask({"queue", "list"}).output.find("alice@example.test") != std::string::npos);
  house.faults->never(call);
  house.ask({"queue", "retry", "ALL"});
  CHECK(house.ask({"queue", "wait", "--empty", "--timeout", "5"}).exitCode == 0);
  CHECK(house.mailboxOf("alice").size() == 1);
  CHECK(house.mailboxOf("bob").size() == 1);
}

TEST_CASE("over LMTP a mailbox that cannot be written is a temporary failure, and the message is not kept") {
  SpoolFixture house;
  house.start();
  house.faults->always("append", Error{Error::Kind::temporary, "made to fail"});
  ipc::SessionInfo session = SpoolFixture::stranger();
  session.service = "lmtp";
  const auto reply = house.send("s@elsewhere.test", {"alice@example.test"}, "Subject: l\r\n\r\nx\r\n", session);
  REQUIRE(reply);
  REQUIRE(reply->replies.size() == 1);
  CHECK(reply->replies[0].code == 451);
  house.faults->never("append");
  CHECK(house.ask({"queue", "wait", "--empty", "--timeout", "5"}).exitCode == 0);
  CHECK(house.mailboxOf("alice").empty());
}
