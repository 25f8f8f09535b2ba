// The role is stopped in every state of queued/spool/STATES.md, as kill -9 would, and started again. The number of a case is the
// state's. What a stop at one instant would leave is made by putting back a copy of the queue that was taken at that instant.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/sending.h"
#include "tests/unit/queued/spool/spool_fixture.h"

using namespace ostler;
using namespace ostler::spool;
namespace fs = std::filesystem;

namespace {

const std::string kSmall = "Subject: small\r\n\r\nx\r\n";

std::string large() {
  std::string content = "Subject: large\r\n\r\n";
  while (content.size() < 700'000) content += "0123456789 0123456789 0123456789 0123456789\r\n";
  return content;
}

std::size_t filesIn(const std::string& folder) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder)) ++count;
  return count;
}

/// The queue's folder as it was at some instant.
class Kept {
 public:
  explicit Kept(SpoolFixture& house) : house_(house), copy_(house.root() + "/kept") {
    fs::remove_all(copy_);
    fs::copy(house.config->queueDir(), copy_, fs::copy_options::recursive);
  }
  /// Stops, puts it back, starts.
  void restart() {
    house_.stop();
    fs::remove_all(house_.config->queueDir());
    fs::copy(copy_, house_.config->queueDir(), fs::copy_options::recursive);
    house_.start();
  }

 private:
  SpoolFixture& house_;
  std::string copy_;
};

bool empties(SpoolFixture& house) { return house.ask({"queue", "wait", "--empty", "--timeout", "5"}).exitCode == 0; }

void deferElsewhere(SpoolFixture& house) {
  house.outState = ipc::RecipientOutcome::State::deferred;
  house.outReply = {451, "4.4.1", "connection refused"};
}

void deliverElsewhere(SpoolFixture& house) {
  house.outState = ipc::RecipientOutcome::State::delivered;
  house.outReply = {250, "2.0.0", "ok"};
}

bool isDeferred(SpoolFixture& house) {
  return house.waitFor([&] { return house.ask({"queue", "list"}).output.find("connection refused") != std::string::npos; });
}

}  // namespace

TEST_CASE("states 1 and 2: a draft that was not committed never was, and its large file goes") {
  SpoolFixture house;
  house.start();
  const std::size_t octets = GENERATE(20U, 700'000U);
  const Id128 draft = house.openDraft("alice@example.test", large().substr(0, octets));
  const std::string files = house.config->queueDir() + "/large";
  CHECK(filesIn(files) == (octets > 300'000 ? 1 : 0));
  house.restart();
  CHECK(house.outcomeOf(draft).empty());
  CHECK(filesIn(files) == 0);
  CHECK(house.mailboxOf("alice").empty());
}

TEST_CASE("state 2: whoever goes away while its content is written leaves no file and no open descriptor") {
  SpoolFixture house;
  house.start();
  house.abandonDraft(8, 50);  // what is opened once is open now
  const std::string files = house.config->queueDir() + "/large";
  REQUIRE(house.waitFor([&] { return filesIn(files) == 0; }));
  const std::size_t before = filesIn("/proc/self/fd");
  for (unsigned round = 0; round < 200; ++round) house.abandonDraft(5 + round % 9, round % 13);
  CHECK(house.waitFor([&] { return filesIn(files) == 0; }));
  CHECK(house.waitFor([&] { return filesIn("/proc/self/fd") <= before; }));
  CHECK(house.send("b@elsewhere.test", {"alice@example.test"}, large()));
}

TEST_CASE("state 3: large content that has its name and no record goes") {
  SpoolFixture house;
  house.start();
  house.stop();
  const std::string file = house.config->queueDir() + "/large/" + Id128::make(house.now()).text();
  std::ofstream(file) << large();
  house.start();
  CHECK_FALSE(fs::exists(file));
}

TEST_CASE("state 4: a batch that was torn never was, and the one before it is there") {
  SpoolFixture house;
  house.start();
  deferElsewhere(house);
  REQUIRE(house.send("alice@example.test", {"bob@remote.test"}, kSmall, house.loggedIn()));
  REQUIRE(isDeferred(house));
  const auto torn = house.send("alice@example.test", {"bob@remote.test"}, "Subject: torn\r\n\r\n" + std::string(3000, 't') + "\r\n", house.loggedIn());
  REQUIRE(torn);
  house.stop();
  house.sent.clear();
  fs::remove_all(house.config->queueDir() + "/index");
  for (const auto& entry : fs::directory_iterator(house.config->queueDir())) {
    if (entry.path().extension() != ".seg") continue;
    std::fstream segment(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    const std::string octets((std::istreambuf_iterator<char>(segment)), {});
    const std::size_t at = octets.find("tttttttt");
    if (at == std::string::npos) continue;
    segment.clear();
    segment.seekp(static_cast<std::streamoff>(at + 1000));
    segment << std::string(octets.size() - at - 1000, '\0');
  }
  house.start();
  CHECK(house.outcomeOf(*Id128::parse(torn->queueId)).empty());
  deliverElsewhere(house);
  house.ask({"queue", "retry", "ALL"});
  REQUIRE(empties(house));
  for (const SpoolFixture::Sent& sent : house.sent) CHECK(sent.content.find("Subject: torn") == std::string::npos);
}

TEST_CASE("states 5 and 6: what was accepted, and what was on its way to another host, is due at once") {
  SpoolFixture house;
  house.start();
  house.hangs = [](const ipc::Deliver&) { return true; };
  const std::string content = GENERATE(false, true) ? large() : kSmall;
  REQUIRE(house.send("alice@example.test", {"bob@remote.test"}, content, house.loggedIn()));
  house.hangs = {};
  house.restart();
  REQUIRE(house.waitFor([&] { return house.sent.size() == 1; }));
  CHECK(house.sent[0].content.ends_with(content));
  CHECK(empties(house));
  CHECK(house.waitFor([&] { return filesIn(house.config->queueDir() + "/large") == 0; }));
}

TEST_CASE("state 6: what was stored in a mailbox and not noted as done is stored once") {
  SpoolFixture house;
  house.start();
  house.ask({"queue", "freeze", "--all"});
  const std::string content = GENERATE(false, true) ? large() : kSmall;
  REQUIRE(house.send("s@elsewhere.test", {"alice@example.test"}, content));
  Kept kept(house);
  house.ask({"queue", "thaw", "--all"});
  REQUIRE(empties(house));
  kept.restart();
  house.ask({"queue", "thaw", "--all"});
  CHECK(empties(house));
  CHECK(house.mailboxOf("alice").size() == 1);
}

TEST_CASE("state 7: what was deferred is due when it was to be, not before") {
  SpoolFixture house;
  house.start();
  deferElsewhere(house);
  REQUIRE(house.send("alice@example.test", {"bob@remote.test"}, kSmall, house.loggedIn()));
  REQUIRE(isDeferred(house));
  const std::size_t attempts = house.sent.size();
  house.restart();
  CHECK(isDeferred(house));
  CHECK(house.sent.size() == attempts);
}

TEST_CASE("states 8 and 10: an alias is expanded once, who is done stays done, and the rest goes on") {
  SpoolFixture house;
  house.start();
  deferElsewhere(house);
  REQUIRE(house.send("s@elsewhere.test", {"team@example.test", "carol@example.test"}, kSmall));
  REQUIRE(isDeferred(house));
  REQUIRE(house.waitFor([&] { return house.mailboxOf("alice").size() == 1 && house.mailboxOf("carol").size() == 1; }));
  house.restart();
  deliverElsewhere(house);
  house.ask({"queue", "retry", "ALL"});
  CHECK(empties(house));
  CHECK(house.mailboxOf("alice").size() == 1);
  CHECK(house.mailboxOf("carol").size() == 1);
}

TEST_CASE("state 9: what is held or frozen stays so until it is taken back") {
  struct Marks {
    const char* lay;
    const char* take;
  };
  const auto [lay, take] = GENERATE(Marks{"hold", "release"}, Marks{"freeze", "thaw"});
  SpoolFixture house;
  house.start();
  deferElsewhere(house);
  REQUIRE(house.send("alice@example.test", {"bob@remote.test"}, kSmall, house.loggedIn()));
  REQUIRE(isDeferred(house));
  house.ask({"queue", lay, "--all"});
  deliverElsewhere(house);
  house.restart();
  house.skip(std::chrono::hours(2));
  CHECK(house.ask({"queue", "wait", "--empty", "--timeout", "1"}).exitCode != 0);
  house.ask({"queue", take, "--all"});
  house.ask({"queue", "retry", "ALL"});
  CHECK(empties(house));
}

TEST_CASE("state 11: a large file that was left behind by a message that is done goes") {
  SpoolFixture house;
  house.start();
  house.ask({"queue", "freeze", "--all"});
  REQUIRE(house.send("s@elsewhere.test", {"alice@example.test"}, large()));
  const std::string files = house.config->queueDir() + "/large";
  REQUIRE(filesIn(files) == 1);
  const std::string aside = house.root() + "/aside";
  fs::copy(files, aside, fs::copy_options::recursive);
  house.ask({"queue", "thaw", "--all"});
  REQUIRE(empties(house));
  house.stop();
  fs::copy(aside, files, fs::copy_options::recursive | fs::copy_options::skip_existing);
  house.start();
  CHECK(filesIn(files) == 0);
  CHECK(house.mailboxOf("alice").size() == 1);
}

TEST_CASE("state 12: a report is there exactly if its cause is ended") {
  SpoolFixture house;
  house.start();
  house.ask({"queue", "freeze", "--all"});
  REQUIRE(house.send("alice@example.test", {"bob@remote.test"}, kSmall, house.loggedIn()));
  Kept before(house);
  house.outState = ipc::RecipientOutcome::State::failed;
  house.outReply = {550, "5.1.1", "no such user"};
  house.ask({"queue", "thaw", "--all"});
  REQUIRE(house.waitFor([&] { return house.mailboxOf("alice").size() == 1; }));
  house.restart();
  CHECK(empties(house));
  CHECK(house.mailboxOf("alice").size() == 1);
  before.restart();  // neither had been synced: the cause ends again, and a report of its own tells of it
  house.ask({"queue", "thaw", "--all"});
  CHECK(empties(house));
  CHECK(house.mailboxOf("alice").size() == 2);
}

TEST_CASE("state 13: a report that cannot be delivered is written to badmail again, under the same name") {
  SpoolFixture house;
  house.start();
  house.ask({"queue", "freeze", "--all"});
  const auto nobody = [](ipc::Envelope& envelope) { envelope.reversePath.clear(); };
  REQUIRE(house.send("", {"bob@remote.test"}, kSmall, house.loggedIn(), nobody));
  Kept kept(house);
  house.outState = ipc::RecipientOutcome::State::failed;
  house.outReply = {550, "5.1.1", "no such user"};
  house.ask({"queue", "thaw", "--all"});
  REQUIRE(empties(house));
  const std::size_t files = filesIn(house.config->badmailDir());
  REQUIRE(files > 0);
  kept.restart();
  house.ask({"queue", "thaw", "--all"});
  CHECK(empties(house));
  CHECK(filesIn(house.config->badmailDir()) == files);
}

TEST_CASE("state 14: what waits is moved to the end of the log, and is there when its first segment is gone") {
  SpoolFixture house;
  house.change([](config::Config& config) { config.queue.segmentSize = ByteCount{256U << 10}; });
  house.start();
  deferElsewhere(house);
  REQUIRE(house.send("alice@example.test", {"bob@remote.test"}, kSmall, house.loggedIn()));
  REQUIRE(isDeferred(house));
  std::string first = "~";
  for (const auto& entry : fs::directory_iterator(house.config->queueDir())) {
    if (entry.path().extension() == ".seg") first = std::min(first, entry.path().filename().string());
  }
  for (int n = 0; n < 200; ++n) REQUIRE(house.send("s@elsewhere.test", {"carol@example.test"}, "Subject: n\r\n\r\n" + std::string(20'000, 'n') + "\r\n"));
  REQUIRE(house.waitFor([&] {
    house.skip(std::chrono::seconds(1));  // however fast the disk was, replay starts behind the first segment after a while
    return !fs::exists(house.config->queueDir() + "/" + first);
  }));
  house.stop();
  fs::remove_all(house.config->queueDir() + "/index");
  deliverElsewhere(house);
  house.start();
  house.ask({"queue", "retry", "ALL"});
  CHECK(empties(house));
  CHECK(house.mailboxOf("carol").size() == 200);
}

TEST_CASE("states 15 and 16: a file in pickup is sent once, wherever the role stopped with it") {
  SpoolFixture house;
  house.start();
  house.stop();
  const std::string letter = "From: bob@example.test\nTo: alice@example.test\nSubject: p\n\nhi\n";
  const std::string taken = house.config->pickupDir() + "/.taken";
  SECTION("dropped while nobody looked") { house.drop("letter.eml", letter); }
  SECTION("taken, not journalled") { std::ofstream(taken + "/01m8075n5p2k98c8m7h0ek5j8z-letter.eml") << letter; }
  house.start();
  REQUIRE(house.waitFor([&] { return house.mailboxOf("alice").size() == 1; }));
  CHECK(house.waitFor([&] { return filesIn(taken) == 0; }));
}

TEST_CASE("state 16: a file of pickup that was journalled is only unlinked") {
  SpoolFixture house;
  house.start();
  const std::string taken = house.config->pickupDir() + "/.taken";
  const std::string letter = "From: alice@example.test\nTo: bob@remote.test\nSubject: p\n\nhi\n";
  const std::string name = "01m8075n5p2k98c8m7h0ek5j8z-letter.eml";
  deferElsewhere(house);
  house.stop();
  std::ofstream(taken + "/" + name) << letter;
  house.start();
  REQUIRE(isDeferred(house));
  house.stop();
  std::ofstream(taken + "/" + name) << letter;
  deliverElsewhere(house);
  house.sent.clear();
  house.start();
  house.ask({"queue", "retry", "ALL"});
  CHECK(empties(house));
  CHECK(house.sent.size() == 1);
  CHECK(filesIn(taken) == 0);
}

namespace {

std::size_t countOf(const std::string& text, std::string_view what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("state 11: what was accepted and has left in the last moments before a kill is told of, once, however often it starts") {
  SpoolFixture house;
  house.start();
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(house.send("alice@example.test", {"bob@example.test", "x@far.test"}, kText, house.loggedIn())->queueId);
  REQUIRE(house.waitFor([&] { return house.isEmpty(); }));
  REQUIRE(house.submit({"carol@example.test"}));  // its commit has the outcomes before it on disk
  for (int life = 0; life < 3; ++life) {
    house.restart();
    for (const std::string& id : ids) {
      const std::string why = house.ask({"why", id}).output;
      INFO(why);
      CHECK(countOf(why, "accepted ") == 1);
      CHECK(countOf(why, "delivered to=<bob@example.test>") == 1);
      CHECK(countOf(why, "delivered to=<x@far.test>") == 1);
    }
  }
}

TEST_CASE("state 6: an attempt elsewhere that a kill cut off is told of: its next hop may have it, and get it a second time") {
  SpoolFixture house;
  house.waits = true;
  house.start();
  const auto reply = house.submit({"x@far.test"});
  REQUIRE(reply);
  REQUIRE(house.waitFor([&] { return house.waiting == 1; }));
  house.restart();
  CHECK(house.shows({"why", reply->queueId}, "attempt-unknown"));
  REQUIRE(house.waitFor([&] { return house.waiting == 2; }));
  house.waits = false;
  CHECK(empties(house));
  house.restart();
  CHECK(countOf(house.ask({"why", reply->queueId}).output, "attempt-unknown") == 1);
}

TEST_CASE("state 7: of an attempt whose outcome is known nothing is told after a kill") {
  SpoolFixture house;
  house.start();
  deferElsewhere(house);
  const auto reply = house.submit({"x@far.test"});
  REQUIRE(reply);
  REQUIRE(house.waitFor([&] { return house.shows({"queue", "list"}, "deferred"); }));
  house.restart();
  CHECK_FALSE(house.shows({"why", reply->queueId}, "attempt-unknown"));
}

TEST_CASE("state 6: that role out was lost while it had a message is told of") {
  SpoolFixture house;
  house.kills = [&](const ipc::Deliver&) { return house.killed == 0; };
  house.start();
  const auto reply = house.submit({"x@far.test"});
  REQUIRE(reply);
  CHECK(empties(house));
  CHECK(house.shows({"why", reply->queueId}, "attempt-unknown"));
}
