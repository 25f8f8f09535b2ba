// What only the store of this machine has to bear: torn writes, damage, a lost index, space given back, many sessions.
#include "libmailcore/store/local_store.h"

#include <lmdb.h>

#include <array>
#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "libmailcore/journal/segment.h"
#include "libmailcore/message/prepared.h"
#include "libmailcore/store/local/index.h"
#include "libmailcore/store/local/rows.h"
#include "libmailcore/store/maintenance.h"
#include "tests/unit/libmailcore/store/store_suite.h"

namespace ostler::store::test {
namespace {

using namespace std::chrono_literals;

/// Random changes of every kind.
class Chaos {
 public:
  Chaos(Fixture& f, unsigned seed) : f_(f), random_(seed) {}
  void step() {
    const std::vector<MailboxInfo> all = f_.run(f_.account->mailboxes());
    const MailboxInfo& box = all[random_() % all.size()];
    const MailboxInfo& other = all[random_() % all.size()];
    const UidSet some = range(1 + pick(200), 1 + pick(200) + 200);
    switch (random_() % 12) {
      case 0: (void)f_.loop.runUntilDone(f_.account->createMailbox("m" + std::to_string(pick(20)) + "/n", SpecialUse::none)); break;
      case 1: (void)f_.loop.runUntilDone(f_.account->deleteMailbox("m" + std::to_string(pick(20)))); break;
      case 2: (void)f_.loop.runUntilDone(f_.account->renameMailbox("m" + std::to_string(pick(20)), "r" + std::to_string(pick(20)))); break;
      case 3: (void)f_.loop.runUntilDone(f_.account->subscribe("s" + std::to_string(pick(20)), pick(2) == 0)); break;
      case 4: (void)f_.loop.runUntilDone(f_.account->copy(box.id, some, other.id)); break;
      case 5: (void)f_.loop.runUntilDone(f_.account->move(box.id, some, other.id)); break;
      case 6: (void)f_.loop.runUntilDone(f_.account->expunge(box.id, range(1 + pick(300), 310), Account::Expunge::regardless)); break;
      case 7:
      case 8:
        (void)f_.loop.runUntilDone(f_.account->changeFlags(
            box.id, some, {static_cast<FlagsOperation::Kind>(pick(3)), {1U << pick(5), {"k" + std::to_string(pick(8))}}, {}}));
        break;
      default: deliver(box.exists ? box.name : "INBOX");
    }
  }

 private:
  unsigned pick(unsigned below) { return static_cast<unsigned>(random_() % below); }
  void deliver(const std::string& mailbox) {
    std::vector<NewMessage> messages;
    for (unsigned i = 0, count = 1 + pick(60); i < count; ++i) {
      const std::string n = std::to_string(number_++);
      const std::string parent = std::to_string(pick(number_));
      messages.push_back(Fixture::message(mail("chaos " + n, "Message-ID: <" + n + "@x>\r\nReferences: <" + parent + "@x>\r\n"), mailbox));
      messages.back().deliveryId = "chaos/" + n;
      if (pick(40) == 0) messages.back().content += std::string(1'500'000, 'x') + "\r\n";
      if (pick(10) == 0) messages.back().uidl = "old-" + n;
    }
    f_.run(f_.account->append(std::move(messages)));
  }
  Fixture& f_;
  std::mt19937 random_;
  unsigned number_ = 1;
};

TEST_CASE("after changes of every kind the log gives the index back byte for byte", "[store]") {
  LocalFixture f;
  Chaos chaos(f, GENERATE(1U, 2U, 3U));
  for (int i = 0; i < 150; ++i) chaos.step();
  f.close();
  CHECK(problemsOf(f.scratch) == "");
}

void dropTable(const std::string& path, const char* table) {
  MDB_env* env = nullptr;
  MDB_txn* txn = nullptr;
  MDB_dbi dbi = 0;
  REQUIRE(mdb_env_create(&env) == 0);
  REQUIRE(mdb_env_set_maxdbs(env, 8) == 0);
  REQUIRE(mdb_env_set_mapsize(env, std::size_t{1} << 30) == 0);
  REQUIRE(mdb_env_open(env, path.c_str(), MDB_NOSUBDIR, 0600) == 0);
  REQUIRE(mdb_txn_begin(env, nullptr, 0, &txn) == 0);
  REQUIRE(mdb_dbi_open(txn, table, 0, &dbi) == 0);
  REQUIRE(mdb_drop(txn, dbi, 1) == 0);
  REQUIRE(mdb_txn_commit(txn) == 0);
  mdb_env_close(env);
}

TEST_CASE("an index that was lost or damaged is made anew from the log", "[store]") {
  LocalFixture f;
  Chaos chaos(f, 4);
  for (int i = 0; i < 60; ++i) chaos.step();
  f.append(mail("last"));
  const auto before = visit(f, f.inbox().id);
  f.close();
  const std::string index = accountPath(f) + "/index.mdb";
  SECTION("gone") { std::filesystem::remove(index); }
  SECTION("made by a program that had fewer tables") { dropTable(index, "known"); }
  SECTION("not a database") {
    std::ofstream(index, std::ios::trunc) << std::string(20'000, 'x');
    const auto report = rebuildAccount(f.scratch.make("account").get());
    REQUIRE(report);
    CHECK_FALSE(report->repaired.empty());
  }
  f.reopen();
  CHECK(visit(f, f.inbox().id) == before);
  f.close();
  CHECK(problemsOf(f.scratch) == "");
}

/// As if all had been made by the renderer before; what it made says so.
void makeStale(const std::string& path) {
  using namespace ostler::store::local;
  const auto index = Index::open(path, Index::Mode::open);
  Index::Write write(index);
  std::vector<std::string> ids;
  {
    Cursor mails(write, Table::mail);
    for (bool there = mails.first(); there; there = mails.next()) ids.emplace_back(mails.key());
  }
  for (const std::string& id : ids) {
    const std::string octets(*write.get(Table::mail, id));
    MailRow row = mailRow(octets);
    if (row.preparedVersion == 0) continue;
    const std::string texts = packTexts({"old envelope", "old body", "old structure"});
    row.preparedVersion = message::kPreparedVersion - 1;
    row.texts = texts;
    write.put(Table::mail, id, encodeRow(row));
    for (const Table table : {Table::subject, Table::summary}) write.put(table, id, encodeRow(TextRow{row.preparedVersion, "old"}));
  }
  write.commit();
}

std::size_t staleIn(const std::string& path) {
  using namespace ostler::store::local;
  const auto index = Index::open(path, Index::Mode::open);
  const Index::Read read(index);
  Cursor mails(read, Table::mail);
  std::size_t count = 0;
  for (bool there = mails.first(); there; there = mails.next()) {
    const std::uint16_t version = mailRow(mails.value()).preparedVersion;
    if (version != 0 && version != message::kPreparedVersion) ++count;
  }
  return count;
}

TEST_CASE("what an older renderer made is made anew for the first who reads it, and kept, as a rebuild would make it", "[store]") {
  LocalFixture f;
  constexpr unsigned kMessages = 700;
  std::vector<NewMessage> messages;
  for (unsigned n = 0; n < kMessages; ++n) messages.push_back(Fixture::message(mail("message " + std::to_string(n))));
  messages.push_back(Fixture::message(mail("large", "To: " + std::string(70'000, 'x') + "\r\n")));  // rendered on demand, ever
  f.run(f.account->append(std::move(messages)));
  const auto before = visit(f, f.inbox().id);
  f.close();
  const std::string index = accountPath(f) + "/index.mdb";
  makeStale(index);
  CHECK(staleIn(index) == kMessages);
  for (int readers = 0; readers < 3 && staleIn(index) != 0; ++readers) {  // each has so many renewed as are written meanwhile
    f.reopen();
    CHECK(visit(f, f.inbox().id) == before);
    f.append(mail("behind the renewal"));  // it waits in the same queue
    f.run(f.account->expunge(f.inbox().id, range(kMessages + 2, UINT32_MAX - 1), Account::Expunge::regardless));
    f.close();
  }
  CHECK(staleIn(index) == 0);
  CHECK(problemsOf(f.scratch) == "");
}

TEST_CASE("what a dying writer left half written does not count, and the next one writes over it", "[store]") {
  LocalFixture f;
  f.append(mail("whole"));
  f.close();
  const std::string segment = accountPath(f) + "/log/" + journal::segmentName(1);
  {
    // A torn record behind the last one: its end is where the zeroes of the preallocated rest begin.
    std::fstream file(segment, std::ios::in | std::ios::out | std::ios::binary);
    std::string octets((std::istreambuf_iterator<char>(file)), {});
    const std::size_t end = (octets.find_last_not_of('\0') + 8) / 8 * 8;
    file.clear();
    file.seekp(static_cast<std::streamoff>(end));
    file << std::string(500, '\x5a');
  }
  f.reopen();
  CHECK(f.inbox().messages == 1);
  f.append(mail("next"));
  f.reopen();
  const auto rows = visit(f, f.inbox().id);
  REQUIRE(rows.size() == 2);
  CHECK(rows[1].content == mail("next"));
  f.close();
  CHECK(problemsOf(f.scratch) == "");
}

TEST_CASE("a flipped bit in stored mail is told, never served as the message", "[store]") {
  LocalFixture f;
  f.append(mail("marked"));
  f.close();
  const std::string segment = accountPath(f) + "/log/" + journal::segmentName(1);
  {
    std::fstream file(segment, std::ios::in | std::ios::out | std::ios::binary);
    std::string octets((std::istreambuf_iterator<char>(file)), {});
    file.clear();
    file.seekp(static_cast<std::streamoff>(octets.rfind("Hello.")));
    file << "J";
  }
  f.reopen();
  CHECK(visit(f, f.inbox().id)[0].content == "unreadable");
  f.close();
  CHECK(problemsOf(f.scratch) != "");
}

std::uintmax_t logSize(const Fixture& f) {
  std::uintmax_t sum = 0;
  for (const auto& entry : std::filesystem::directory_iterator(accountPath(f) + "/log")) {
    std::error_code gone;  // compaction may unlink it while we look
    const std::uintmax_t size = entry.file_size(gone);
    if (!gone) sum += size;
  }
  return sum;
}

TEST_CASE("the space of expunged mail comes back, and what is left can be read and rebuilt", "[store]") {
  LocalFixture f;
  for (int batch = 0; batch < 30; ++batch) {
    std::vector<NewMessage> messages;
    for (int i = 0; i < 50; ++i) {
      const std::string n = std::to_string(batch * 50 + i);
      messages.push_back(Fixture::message(mail(n, "Message-ID: <" + n + "@x>\r\n", std::string(15'000, 'b') + "\r\n")));
    }
    f.run(f.account->append(std::move(messages)));
  }
  const MailboxId id = f.inbox().id;
  const auto before = logSize(f);
  CHECK(before > 20'000'000);
  UidSet gone;
  for (std::uint32_t uid = 1; uid <= 1500; ++uid) {
    if (uid % 10 != 0) gone.add(Uid{uid});
  }
  f.run(f.account->expunge(id, gone, Account::Expunge::regardless));
  f.append(mail("after"));
  // Compaction begins when nothing waits to be written.
  for (const Deadline deadline = Deadline::after(30s); logSize(f) >= before / 2 && !deadline.passed();) (void)f.inbox();
  CHECK(logSize(f) < before / 2);
  auto rows = visit(f, id);
  REQUIRE(rows.size() == 151);
  CHECK(rows[3].content.find("Subject: 39\r\n") != std::string::npos);
  CHECK(rows[3].size == rows[3].content.size());
  f.close();
  CHECK(problemsOf(f.scratch) == "");
  std::filesystem::remove(accountPath(f) + "/index.mdb");
  f.reopen();
  CHECK(visit(f, id) == rows);
  f.append(mail("again"));
  f.close();
  CHECK(problemsOf(f.scratch) == "");
}

TEST_CASE("many appends that come together share their sync and keep their order", "[store]") {
  LocalFixture f;
  std::vector<std::uint32_t> uids;
  {
    TaskScope scope(f.loop);
    for (int i = 0; i < 200; ++i) {
      scope.spawn([](Fixture& fixture, int number, std::vector<std::uint32_t>& out) -> Task<void> {
        std::vector<NewMessage> messages;
        messages.push_back(Fixture::message(mail(std::to_string(number))));
        const auto done = co_await fixture.account->append(std::move(messages));
        if (done) out.push_back(done->front().uid.value);
      }(f, i, uids));
    }
    REQUIRE(f.loop.runUntilDone(scope.whenIdle(Deadline::after(60s))));
  }
  REQUIRE(uids.size() == 200);
  CHECK(std::is_sorted(uids.begin(), uids.end()));
  CHECK(visit(f, f.inbox().id)[150].content == mail("150"));
}

/// A session of many on one account: appends, marks, reads and copies until it is cancelled or done.
Task<void> sessionAtRandom(Fixture& f, MailboxId inbox, MailboxId archive, unsigned seed, std::vector<std::string>& acknowledged) {
  std::mt19937 random(seed);
  for (int n = 0; n < 8; ++n) {
    const UidSet some = range(1 + random() % 50, 51 + random() % 50);
    switch (random() % 6) {
      case 0: {
        const auto marked = co_await f.account->changeFlags(inbox, some, {FlagsOperation::Kind::add, {1U << random() % 5, {}}, {}});
        (void)marked;
        break;
      }
      case 1: {
        const auto seen = co_await f.account->visit(inbox, some, kAllColumns, std::make_shared<Collector>());
        (void)seen;
        break;
      }
      case 2: {
        const auto copied = co_await f.account->copy(inbox, range(1, 3), archive);
        (void)copied;
        break;
      }
      case 3: {
        const auto gone = co_await f.account->expunge(archive, some, Account::Expunge::regardless);
        (void)gone;
        break;
      }
      default: {
        const std::string id = std::to_string(seed) + "/" + std::to_string(n);
        std::vector<NewMessage> messages;
        messages.push_back(Fixture::message(mail(id)));
        const auto stored = co_await f.account->append(std::move(messages));
        if (stored) acknowledged.push_back(id);
      }
    }
  }
}

TEST_CASE("a thousand sessions on one account, cancelled at random moments, lose nothing that was acknowledged", "[store]") {
  LocalFixture f;
  for (int n = 0; n < 3; ++n) f.append(mail("first " + std::to_string(n)));
  const MailboxId inbox = f.inbox().id;
  const MailboxId archive = f.run(f.account->mailbox(std::string("Archive"))).id;
  std::mt19937 random(26);
  std::vector<std::string> acknowledged;
  std::vector<std::unique_ptr<TaskScope>> sessions;
  for (unsigned n = 0; n < 1000; ++n) {
    sessions.push_back(std::make_unique<TaskScope>(f.loop));
    sessions.back()->spawn(sessionAtRandom(f, inbox, archive, n, acknowledged));
  }
  while (!sessions.empty()) {
    for (int n = 0; n < 6 && !sessions.empty(); ++n) {
      std::swap(sessions[random() % sessions.size()], sessions.back());
      sessions.pop_back();
    }
    f.loop.runUntilDone(f.loop.sleepUntil(Deadline::after(std::chrono::microseconds(random() % 3000))));
  }
  const auto found = subjects(f);
  CHECK(acknowledged.size() > 50);
  for (const std::string& id : acknowledged) CHECK(found.contains(id));
  for (const auto& [id, times] : found) CHECK(times == 1);
  f.close();
  CHECK(problemsOf(f.scratch) == "");
}

TEST_CASE("an append whose caller went away before it began is not stored, and nothing breaks", "[store]") {
  LocalFixture f;
  {
    TaskScope scope(f.loop);
    for (int i = 0; i < 20; ++i) {
      scope.spawn([](Fixture& fixture) -> Task<void> {
        std::vector<NewMessage> messages;
        messages.push_back(Fixture::message(mail("x")));
        const auto done = co_await fixture.account->append(std::move(messages));
        (void)done;
      }(f));
    }
    scope.cancelAll();
  }
  f.append(mail("last"));
  CHECK(f.inbox().messages >= 1);
}

}  // namespace
}  // namespace ostler::store::test