// A record that the index has lost while the spool runs: its message waits and is neither sent, given up, expanded nor moved on a
// guess; made anew from the journal, the index has it again.
#include <lmdb.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "libmailcore/ipc/sending.h"
#include "tests/unit/queued/spool/spool_fixture.h"

using namespace ostler;
using namespace ostler::spool;

namespace {

int loseRecord(const std::string& folder, const Id128& id) {
  MDB_env* env = nullptr;
  MDB_txn* txn = nullptr;
  MDB_dbi table = 0;
  MDB_val key{id.octets().size(), const_cast<char*>(id.octets().data())};
  if (::mdb_env_create(&env) != 0 || ::mdb_env_set_maxdbs(env, 16) != 0) return 1;
  if (::mdb_env_open(env, folder.c_str(), MDB_NOTLS, 0600) != 0) return 2;
  if (::mdb_txn_begin(env, nullptr, 0, &txn) != 0 || ::mdb_dbi_open(txn, "packed", 0, &table) != 0) return 3;
  if (::mdb_del(txn, table, &key, nullptr) != 0) return 4;
  return ::mdb_txn_commit(txn) == 0 ? 0 : 5;
}

/// Waits for the record to be in the index alone, and takes it away: in a process of its own, as LMDB wants it.
bool loseRecordOf(SpoolFixture& spool, const Id128& id) {
  const std::string folder = spool.config->queueDir() + "/index";
  const auto once = [&] {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(loseRecord(folder, id));
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  };
  return spool.waitFor(once);
}

Id128 deferredMessage(SpoolFixture& spool, const std::string& to) {
  const auto reply = spool.send("alice@example.test", {to}, kText, spool.loggedIn());
  REQUIRE(reply);
  REQUIRE(spool.waitFor([&] { return spool.ask({"queue", "list"}).output.find("deferred") != std::string::npos; }));
  return Id128::parse(reply->queueId).value();
}

}  // namespace

TEST_CASE("a message whose record is lost is not sent, nor given up, nor its sender told of anything") {
  SpoolFixture spool;
  spool.outState = ipc::RecipientOutcome::State::deferred;
  spool.outReply = {450, "4.2.0", "later"};
  spool.start();
  const Id128 id = deferredMessage(spool, "x@far.test");
  REQUIRE(loseRecordOf(spool, id));
  // The commit that wrote it may still be about to let go of what memory has.
  REQUIRE(spool.waitFor([&] { return spool.ask({"queue", "show", id.text()}).output.find("x@far.test") == std::string::npos; }));
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
  // The journal has it: without the index it is made anew, and the message goes its way.
  spool.stop();
  std::filesystem::remove_all(spool.config->queueDir() + "/index");
  spool.start();
  CHECK(spool.ask({"queue", "show", id.text()}).output.find("x@far.test") != std::string::npos);
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
  for (int n = 0; n < 60; ++n) REQUIRE(spool.send("s@elsewhere.test", {"carol@example.test"}, body));
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("carol").size() == 60; }, std::chrono::seconds(30)));
  // Longer than the log is kept for a restart: what can go has gone.
  spool.loop().runUntilDone(spool.loop().sleepUntil(Deadline::after(std::chrono::seconds(13))));
  CHECK(std::filesystem::exists(spool.config->queueDir() + "/0000000000000001.seg"));
  spool.stop();
  std::filesystem::remove_all(spool.config->queueDir() + "/index");
  spool.outState = ipc::RecipientOutcome::State::delivered;
  spool.start();
  spool.ask({"queue", "release", id.text()});
  spool.ask({"queue", "retry", id.text()});
  CHECK(spool.waitFor([&] { return !spool.sent.empty() && spool.sent.back().content.find("hello\r\n") != std::string::npos; }));
}
