// A record that cannot be read from the journal while the spool runs: its message waits and is neither sent, given up, expanded nor
// moved on a guess; when the disk gives the record again it goes its way.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "libmailcore/ipc/sending.h"
#include "tests/unit/queued/spool/spool_fixture.h"

using namespace ostler;
using namespace ostler::spool;

namespace {

/// Changes an octet of the message's record in the first segment; once more: it is as it was.
void flipRecord(const SpoolFixture& spool, const std::string& forwardPath) {
  std::fstream file(spool.config->queueDir() + "/0000000000000001.seg", std::ios::in | std::ios::out | std::ios::binary);
  const std::string octets{std::istreambuf_iterator<char>(file), {}};
  std::size_t at = octets.find(forwardPath);
  if (at == std::string::npos) at = octets.find("X" + forwardPath.substr(1));
  REQUIRE(at != std::string::npos);
  file.seekp(static_cast<std::streamoff>(at));
  file.put(static_cast<char>(octets[at] ^ 0x20));
}

/// Memory lets go of a record once the index is committed; then nothing is left of it.
bool loseRecordOf(SpoolFixture& spool, const Id128& id) {
  flipRecord(spool, "x@far.test");
  return spool.waitFor([&] { return spool.ask({"queue", "show", id.text()}).output.find("x@far.test") == std::string::npos; });
}

Id128 deferredMessage(SpoolFixture& spool, const std::string& to) {
  const auto reply = spool.send("alice@example.test", {to}, kText, spool.loggedIn());
  REQUIRE(reply);
  REQUIRE(spool.waitFor([&] { return spool.ask({"queue", "list"}).output.find("deferred") != std::string::npos; }));
  return Id128::parse(reply->queueId).value();
}

}  // namespace

TEST_CASE("a damaged index, or memory of senders, stops no mail: it is made anew") {
  enum class What { index, senders, both };
  for (const What what : {What::index, What::senders, What::both}) {
    INFO(static_cast<int>(what));
    SpoolFixture spool;
    spool.outState = ipc::RecipientOutcome::State::deferred;
    spool.outReply = {450, "4.2.0", "later"};
    spool.start();
    const Id128 id = deferredMessage(spool, "x@far.test");
    REQUIRE(spool.ask({"queue", "freeze", "--destination", "frozen.test"}).exitCode == 0);
    REQUIRE(spool.send("b@other.test", {"bob@example.test"}, kText));
    REQUIRE(spool.waitFor([&] { return spool.mailboxOf("bob").size() == 1; }));
    spool.stop();
    const std::string index = spool.config->queueDir() + "/index/data.mdb";
    const std::string senders = spool.config->queueDir() + "/senders/senders.mdb";
    // Cut off behind what LMDB reads when it opens the file: it would look at pages that are not there.
    if (what == What::index) std::filesystem::resize_file(index, 8192);
    if (what == What::senders) std::filesystem::resize_file(senders, 8192);
    // Nothing tells pages that were written over but the fault that ended the life before.
    if (what == What::both) std::ofstream(spool.config->queueDir() + "/died-of-a-fault").put('x');
    spool.start();
    CHECK(spool.shows({"queue", "list"}, id.text()));
    CHECK(spool.shows({"queue", "destinations"}, "frozen.test"));
    CHECK(std::filesystem::exists(senders + ".damaged") == (what != What::index));
    CHECK_FALSE(std::filesystem::exists(spool.config->queueDir() + "/died-of-a-fault"));
    CHECK(spool.mailboxOf("bob").size() == 1);
    REQUIRE(spool.send("b@other.test", {"bob@example.test"}, kText));
    REQUIRE(spool.waitFor([&] { return spool.mailboxOf("bob").size() == 2; }));
  }
}

TEST_CASE("a message whose record is lost is not sent, nor given up, nor its sender told of anything") {
  SpoolFixture spool;
  spool.outState = ipc::RecipientOutcome::State::deferred;
  spool.outReply = {450, "4.2.0", "later"};
  spool.start();
  const Id128 id = deferredMessage(spool, "x@far.test");
  REQUIRE(loseRecordOf(spool, id));
  const std::size_t sentBefore = spool.sent.size();
  spool.outState = ipc::RecipientOutcome::State::delivered;
  spool.ask({"queue", "retry", id.text()});
  spool.ask({"queue", "expire", id.text()});
  spool.ask({"queue", "edit", id.text(), "--expiry", "1s"});
  spool.skip(std::chrono::hours(24 * 30));
  spool.ask({"queue", "retry", "--all"});
  REQUIRE(spool.send("b@other.test", {"bob@example.test"}, kText));
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("bob").size() == 1; }));
  CHECK(spool.sent.size() == sentBefore);
  CHECK(spool.mailboxOf("alice").empty());
  CHECK(spool.ask({"queue", "list"}).output.find(id.text()) != std::string::npos);
  CHECK(spool.ask({"queue", "verify"}).output.find(id.text()) != std::string::npos);
  spool.stop();
  flipRecord(spool, "x@far.test");
  spool.start();
  CHECK(spool.ask({"queue", "show", id.text()}).output.find("x@far.test") != std::string::npos);
}

TEST_CASE("a message whose record is lost is shown as damaged, and retry says why it does nothing") {
  SpoolFixture spool;
  spool.outState = ipc::RecipientOutcome::State::deferred;
  spool.outReply = {450, "4.2.0", "later"};
  spool.start();
  const Id128 id = deferredMessage(spool, "x@far.test");
  REQUIRE(loseRecordOf(spool, id));
  const std::string words = "its record cannot be read: ostler queue salvage, or delete";
  for (const std::vector<std::string>& look : std::vector<std::vector<std::string>>{
           {"queue", "list"}, {"queue", "list", "--json"}, {"queue", "list", "--postfix"}, {"queue", "list", "--postfix-json"}, {"queue", "show", id.text()}, {"why", id.text()}}) {
    const std::string said = spool.ask(look).output;
    INFO(said);
    CHECK(said.find(words) != std::string::npos);
    CHECK(said.find("1970") == std::string::npos);
    CHECK(said.find("<>") == std::string::npos);
  }
  CHECK(spool.shows({"queue", "list"}, id.text() + "  damaged"));
  const ipc::ControlReply retried = spool.ask({"queue", "retry", id.text()});
  CHECK(retried.exitCode != 0);
  CHECK(retried.error.find(words) != std::string::npos);
  CHECK(spool.ask({"queue", "delete", id.text()}).exitCode == 0);
  CHECK(spool.isEmpty());
}

TEST_CASE("a segment whose message's record is lost is not given back") {
  SpoolFixture spool;
  spool.change([](config::Config& config) { config.queue.segmentSize = ByteCount{1U << 20}; });
  spool.outState = ipc::RecipientOutcome::State::deferred;
  spool.start();
  const Id128 id = deferredMessage(spool, "x@far.test");
  spool.ask({"queue", "hold", id.text()});
  REQUIRE(loseRecordOf(spool, id));
  const std::string body = "Subject: fill\r\n\r\n" + std::string(200'000, 'x') + "\r\n";
  for (const std::uint64_t segment : {5U, 10U}) {  // the log moves on, and then once more: what can go has gone
    for (int n = 0; n < 30; ++n) REQUIRE(spool.send("s@elsewhere.test", {"carol@example.test"}, body));
    REQUIRE(spool.replayStartsBehind(segment));
  }
  CHECK(std::filesystem::exists(spool.config->queueDir() + "/0000000000000001.seg"));
  spool.stop();
  flipRecord(spool, "x@far.test");
  spool.outState = ipc::RecipientOutcome::State::delivered;
  spool.start();
  spool.ask({"queue", "release", id.text()});
  spool.ask({"queue", "retry", id.text()});
  CHECK(spool.waitFor([&] { return !spool.sent.empty() && spool.sent.back().content.find("hello\r\n") != std::string::npos; }));
}

TEST_CASE("an undeliverable report whose content is lost goes to badmail with what is known, after five attempts to read it") {
  SpoolFixture spool;
  spool.outState = ipc::RecipientOutcome::State::deferred;
  spool.outReply = {450, "4.2.0", "later"};
  spool.start();
  const std::string content = "Subject: report\r\n\r\nUNIQUE-CONTENT\r\n";
  spool.drop("report.eml", "X-Sender: <>\r\nX-Receiver: x@far.test\r\n" + content);
  REQUIRE(spool.waitFor([&] { return spool.shows({"queue", "list"}, "deferred"); }));
  const std::string id = spool.ask({"queue", "list"}).output.substr(0, 26);
  flipRecord(spool, "UNIQUE-CONTENT");
  spool.outState = ipc::RecipientOutcome::State::delivered;
  const auto attempts = [&] {
    const std::string list = spool.ask({"queue", "list"}).output;
    const std::size_t at = list.find("attempts=");
    return at == std::string::npos ? 1000 : std::stoi(list.substr(at + 9));
  };
  spool.skip(std::chrono::hours(24 * 6));  // the first of them
  REQUIRE(spool.waitFor([&] { return attempts() >= 2; }));
  while (attempts() < 6) {
    CHECK(spool.shows({"badmail", "list"}, "There is no badmail"));
    const int before = attempts();
    spool.ask({"queue", "retry", id});
    REQUIRE(spool.waitFor([&] { return attempts() > before; }));
  }
  CHECK(spool.sent.size() == 1);
  REQUIRE(spool.waitFor([&] { return spool.isEmpty(); }));
  const std::string list = spool.ask({"badmail", "list"}).output;
  CHECK(list.find("cannot be read, so it is not sent") != std::string::npos);
  const std::string shown = spool.ask({"badmail", "show", list.substr(0, list.find(' '))}).output;
  for (const char* known : {"X-Receiver: <x@far.test>", "could not be read, 5 times", "deferred to=<x@far.test>"}) {
    INFO(known << " in " << shown);
    CHECK(shown.find(known) != std::string::npos);
  }
}

TEST_CASE("content that is damaged on disk is not sent, and its sender is told why when its time is over") {
  for (const std::size_t size : {std::size_t{100}, std::size_t{100'000}}) {  // with the request, and from the segment
    INFO(size);
    SpoolFixture spool;
    spool.outState = ipc::RecipientOutcome::State::deferred;
    spool.outReply = {450, "4.2.0", "later"};
    spool.start();
    const auto reply = spool.send("alice@example.test", {"x@far.test"}, "Subject: x\r\n\r\nUNIQUE-CONTENT " + std::string(size, 'x') + "\r\n", spool.loggedIn());
    REQUIRE(reply);
    REQUIRE(spool.waitFor([&] { return spool.shows({"queue", "list"}, "deferred"); }));
    flipRecord(spool, "UNIQUE-CONTENT");
    const std::size_t before = spool.sent.size();
    spool.outState = ipc::RecipientOutcome::State::delivered;
    spool.ask({"queue", "retry", reply->queueId});
    REQUIRE(spool.waitFor([&] { return spool.isEmpty() || spool.shows({"queue", "show", reply->queueId}, "cannot be read, so it is not sent"); }));
    CHECK(spool.sent.size() == before);
    spool.skip(std::chrono::hours(24 * 30));
    REQUIRE(spool.waitFor([&] { return spool.isEmpty(); }));
    CHECK(spool.sent.size() == before);
    REQUIRE(spool.mailboxOf("alice").size() == 1);
    CHECK(spool.mailboxOf("alice").front().find("cannot be read") != std::string::npos);
  }
}

TEST_CASE("a program behind an alias is not given content that is damaged on disk") {
  SpoolFixture spool;
  spool.programReply = {451, "4.3.0", "later"};
  spool.start();
  const auto reply = spool.send("s@elsewhere.test", {"robot@example.test"}, "Subject: x\r\n\r\nUNIQUE-CONTENT\r\n");
  REQUIRE(reply);
  REQUIRE(spool.waitFor([&] { return spool.shows({"queue", "list"}, "deferred"); }));
  const std::size_t before = spool.programs.size();
  flipRecord(spool, "UNIQUE-CONTENT");
  spool.programReply = {250, "2.0.0", "ok"};
  spool.ask({"queue", "retry", reply->queueId});
  REQUIRE(spool.waitFor([&] { return spool.isEmpty() || spool.shows({"queue", "show", reply->queueId}, "cannot be read"); }));
  CHECK(spool.programs.size() == before);
}

TEST_CASE("a large content that was damaged or cut off on disk is not sent, nor put into a mailbox") {
  for (const bool isCut : {false, true}) {
    INFO(isCut);
    SpoolFixture spool;
    spool.change([](config::Config& config) { config.queue.largeMessage = ByteCount{10'000}; });
    spool.start();
    REQUIRE(spool.ask({"queue", "freeze", "--all"}).exitCode == 0);
    const auto reply = spool.send("alice@example.test", {"x@far.test", "bob@example.test", "robot@example.test"}, "Subject: x\r\n\r\n" + std::string(50'000, 'x') + "\r\n", spool.loggedIn());
    REQUIRE(reply);
    const std::string path = spool.config->queueDir() + "/large/" + reply->queueId;
    REQUIRE(std::filesystem::exists(path));
    if (isCut) {
      std::filesystem::resize_file(path, 20'000);
    } else {
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(30'000);
      file.put('y');
    }
    const std::string verified = spool.ask({"queue", "verify"}).output;
    INFO(verified);
    CHECK(verified.find(reply->queueId) != std::string::npos);
    REQUIRE(spool.ask({"queue", "thaw", "--all"}).exitCode == 0);
    REQUIRE(spool.waitFor([&] {
      const std::string shown = spool.ask({"queue", "show", reply->queueId}).output;
      return !spool.sent.empty() || shown.find("so it is not sent") != std::string::npos;
    }));
    REQUIRE(spool.waitFor([&] { return spool.ask({"queue", "show", reply->queueId}).output.find("attempts=0") == std::string::npos; }));
    CHECK(spool.sent.empty());
    CHECK(spool.mailboxOf("bob").empty());
    CHECK(spool.programs.empty());
  }
}
