// What only the store of this machine has to bear: crashes, torn writes, other processes, a full disk, a lost index.
#include "libmailcore/store/local_store.h"

#include <lmdb.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <array>
#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "libmailcore/journal/segment.h"
#include "libmailcore/store/maintenance.h"
#include "tests/unit/libmailcore/store/store_suite.h"

namespace ostler::store::test {
namespace {

using namespace std::chrono_literals;

std::string accountPath(const Fixture& f) { return f.scratch.path() + "/account"; }

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

// --- several processes -----------------------------------------------------------------------------------------------------

/// A child process with a store of its own. It ends when the job does, or is killed.
template <class Job>
pid_t child(Job job) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  job();
  ::_exit(0);
}

/// Opens the account of `f` in this (child) process.
struct ChildStore {
  Loop loop;
  std::shared_ptr<LocalShared> shared;
  std::unique_ptr<Store> store;
  std::shared_ptr<Account> account;
  ChildStore(const Fixture& f, std::chrono::milliseconds lockWait = 10s) {
    shared = makeLocalShared({.notifyDir = f.scratch.path() + "/notify", .lockWait = lockWait, .log = {}}).value();
    store = makeLocalStore(loop, shared);
    account = loop.runUntilDone(store->open(f.accountId, f.scratch.make("account"), {})).value();
  }
  Result<std::vector<Appended>> deliver(const std::string& id) {
    std::vector<NewMessage> messages;
    messages.push_back(Fixture::message(mail(id)));
    messages[0].deliveryId = id;
    return loop.runUntilDone(account->append(std::move(messages)));
  }
};

/// Delivers until it is killed, and says each id on the pipe once it is acknowledged.
void deliverForEver(const Fixture& f, const std::string& name, int pipe) {
  ChildStore store(f);
  for (int i = 0;; ++i) {
    const std::string id = name + "/" + std::to_string(i);
    if (!store.deliver(id)) continue;
    const std::string line = id + "\n";
    if (::write(pipe, line.data(), line.size()) < 0) ::_exit(1);
  }
}

struct Pipe {
  UniqueFd readEnd, writeEnd;
  Pipe() {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    readEnd.reset(ends[0]);
    writeEnd.reset(ends[1]);
    (void)::fcntl(writeEnd.get(), F_SETPIPE_SZ, 1 << 20);
  }
  std::vector<std::string> lines() {
    writeEnd.reset();
    std::string all;
    char buffer[4096];
    for (ssize_t got = 0; (got = ::read(readEnd.get(), buffer, sizeof buffer)) > 0;) all.append(buffer, static_cast<std::size_t>(got));
    std::vector<std::string> out;
    for (std::size_t at = 0, end = 0; (end = all.find('\n', at)) != std::string::npos; at = end + 1) out.push_back(all.substr(at, end - at));
    return out;
  }
  /// Until somebody wrote something.
  void waitForOne() {
    char c = 0;
    REQUIRE(::read(readEnd.get(), &c, 1) == 1);
    first += c;
  }
  std::string first;
};

void kill9(pid_t pid) {
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

std::map<std::string, int> subjects(Fixture& f) {
  std::map<std::string, int> found;
  for (const auto& row : visit(f, f.inbox().id)) {
    const std::size_t at = row.content.find("Subject: ") + 9;
    ++found[row.content.substr(at, row.content.find('\r', at) - at)];
  }
  return found;
}

TEST_CASE("what was acknowledged before a kill is there exactly once after it", "[store]") {
  LocalFixture f;
  f.close();
  std::mt19937 random(11);
  std::vector<std::string> acknowledged;
  for (int round = 0; round < 12; ++round) {
    Pipe pipe;
    const pid_t a = child([&] { deliverForEver(f, "a" + std::to_string(round), pipe.writeEnd.get()); });
    const pid_t b = child([&] { deliverForEver(f, "b" + std::to_string(round), pipe.writeEnd.get()); });
    pipe.waitForOne();
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 60'000));  // a random moment is the point
    kill9(a);
    kill9(b);
    std::vector<std::string> lines = pipe.lines();
    if (!lines.empty()) lines[0] = pipe.first + lines[0];
    acknowledged.insert(acknowledged.end(), lines.begin(), lines.end());
  }
  f.reopen();
  const std::map<std::string, int> found = subjects(f);
  CHECK(acknowledged.size() > 12);
  for (const std::string& id : acknowledged) {
    const auto it = found.find(id);
    CHECK((it != found.end() && it->second == 1));
  }
  for (const auto& [id, times] : found) CHECK(times == 1);
  f.close();
  CHECK(problemsOf(f.scratch) == "");
}

// What the writers below say of each delivery: its place in this array counts who said it.
struct Told {
  std::array<int, 4> stored{}, late{};
  std::map<std::string, int> acknowledged;
};

constexpr auto kShortLockWait = 50ms;
constexpr auto kLongestCall = 3s;  // the lock's deadline, and what a busy machine adds

/// Delivers until it is killed. A line each: writer, outcome, id. A call that takes longer than it may ends it.
void hammer(const Fixture& f, int writer, int pipe) {
  ChildStore store(f, kShortLockWait);
  for (int n = 0;;) {
    const std::string id = "p" + std::to_string(writer) + "/" + std::to_string(n);
    const auto start = std::chrono::steady_clock::now();
    const auto done = store.deliver(id);
    if (std::chrono::steady_clock::now() - start > kLongestCall) ::_exit(4);
    if (!done && done.error().kind != Error::Kind::temporary) ::_exit(3);
    const std::string line = std::to_string(writer) + (done ? "+" : "-") + id + "\n";
    if (::write(pipe, line.data(), line.size()) < 0) ::_exit(1);
    if (done) ++n;
  }
}

/// Reads lines into `told` until the condition holds; false when it does not within 20 s.
bool listen(int pipe, std::string& rest, Told& told, const std::function<bool()>& condition) {
  for (const Deadline deadline = Deadline::after(20s); !condition();) {
    pollfd readable{pipe, POLLIN, 0};
    if (deadline.passed() || ::poll(&readable, 1, 1000) < 0) return false;
    if ((readable.revents & POLLIN) == 0) continue;
    std::array<char, 4096> buffer;
    const ssize_t got = ::read(pipe, buffer.data(), buffer.size());
    if (got <= 0) return false;
    rest.append(buffer.data(), static_cast<std::size_t>(got));
    for (std::size_t end = 0; (end = rest.find('\n')) != std::string::npos; rest.erase(0, end + 1)) {
      const auto writer = static_cast<std::size_t>(rest[0] - '0');
      ++(rest[1] == '+' ? told.stored : told.late)[writer];
      if (rest[1] == '+') ++told.acknowledged[rest.substr(2, end - 2)];
    }
  }
  return true;
}

TEST_CASE("four processes hammer one account, one of them is stopped in the middle: the others go on within their deadlines", "[store]") {
  LocalFixture f;
  f.close();
  Pipe pipe;
  std::array<pid_t, 4> writers{};
  for (int i = 0; i < 4; ++i) writers[static_cast<std::size_t>(i)] = child([&, i] { hammer(f, i, pipe.writeEnd.get()); });
  Told told;
  std::string rest;
  std::mt19937 random(19);
  int stoppedWithTheLock = 0;
  f.reopen();
  // Stopped at random moments: most fall into somebody else's turn, some into a commit of the one that is stopped.
  for (int round = 0; round < 60 && (round < 6 || stoppedWithTheLock < 2); ++round) {
    const auto stopped = static_cast<std::size_t>(random() % 4);
    const Told start = told;
    const auto turns = static_cast<int>(1 + random() % 3);
    const auto isUnderWay = [&] { return told.stored[stopped] >= start.stored[stopped] + turns; };
    REQUIRE(listen(pipe.readEnd.get(), rest, told, isUnderWay));
    ::kill(writers[stopped], SIGSTOP);
    const Told atStop = told;
    const auto heard = [&](std::size_t at) { return told.stored[at] + told.late[at] - atStop.stored[at] - atStop.late[at]; };
    // Each of the others is answered several times while it stands: by success, or at its own deadline.
    REQUIRE(listen(pipe.readEnd.get(), rest, told, [&] {
      for (std::size_t at = 0; at < 4; ++at) {
        if (at != stopped && heard(at) < 2) return false;
      }
      return true;
    }));
    int stored = 0;
    for (std::size_t at = 0; at < 4; ++at) stored += at == stopped ? 0 : told.stored[at] - atStop.stored[at];
    if (stored == 0) {  // it has the lock: readers are not delayed, writers to their deadline
      ++stoppedWithTheLock;
      const auto before = std::chrono::steady_clock::now();
      (void)f.inbox();
      CHECK(std::chrono::steady_clock::now() - before < 2s);
    }
    ::kill(writers[stopped], SIGCONT);
  }
  CHECK(stoppedWithTheLock >= 2);
  for (const pid_t writer : writers) {
    CHECK(::waitpid(writer, nullptr, WNOHANG) == 0);  // none ended because of a late answer
    kill9(writer);
  }
  pipe.writeEnd.reset();
  CHECK_FALSE(listen(pipe.readEnd.get(), rest, told, [] { return false; }));
  f.reopen();
  const auto found = subjects(f);
  CHECK(told.acknowledged.size() > 100);
  for (const auto& [id, times] : told.acknowledged) CHECK((times == 1 && found.contains(id)));
  for (const auto& [id, times] : found) CHECK(times == 1);
  f.close();
  CHECK(problemsOf(f.scratch) == "");
}

TEST_CASE("processes that find no index at once make one of it, and each sees what the other writes", "[store]") {
  LocalFixture f;
  f.append(mail("first"));
  f.close();
  std::filesystem::remove(accountPath(f) + "/index.mdb");
  Pipe pipe;
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    children.push_back(child([&, i] {
      ChildStore store(f, 5s);
      if (!store.deliver("p" + std::to_string(i))) ::_exit(3);
    }));
  }
  for (const pid_t pid : children) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    CHECK(status == 0);
  }
  f.reopen();
  CHECK(f.inbox().messages == 5);
  f.close();
  CHECK(problemsOf(f.scratch) == "");
}

TEST_CASE("a process that is stopped with the lock delays writers to their deadline, and readers not at all", "[store]") {
  LocalFixture f;
  f.append(mail("before"));
  f.close();
  Pipe pipe;
  const pid_t holder = child([&] {
    const UniqueFd lock(::open((accountPath(f) + "/lock").c_str(), O_RDWR | O_CLOEXEC));
    struct flock whole{};
    whole.l_type = F_WRLCK;
    if (::fcntl(lock.get(), F_OFD_SETLKW, &whole) != 0) ::_exit(1);
    (void)!::write(pipe.writeEnd.get(), "x", 1);
    ::raise(SIGSTOP);
  });
  pipe.waitForOne();
  {
    ChildStore here(f, 200ms);
    const auto seen = here.loop.runUntilDone(here.account->mailbox(std::string("INBOX")));
    REQUIRE(seen);
    CHECK(seen->messages == 1);
    const auto start = std::chrono::steady_clock::now();
    const auto refused = here.deliver("refused");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == Error::Kind::temporary);
    CHECK(std::chrono::steady_clock::now() - start < 5s);
    ::waitpid(holder, nullptr, WUNTRACED);
    ::kill(holder, SIGCONT);
    ::waitpid(holder, nullptr, 0);
    CHECK(here.deliver("taken"));
  }
  f.reopen();
  CHECK(f.inbox().messages == 2);
}

TEST_CASE("a change in one process wakes a watcher in another soon", "[store]") {
  LocalFixture f;
  Signal heard(f.loop);
  Pipe go;
  Pipe times;
  // The child waits for a word before each delivery and says when it was done. It opens the store after the fork, as a daemon would.
  f.close();
  const pid_t other = child([&] {
    ChildStore store(f);
    (void)!::write(times.writeEnd.get(), "r", 1);
    char c = 0;
    for (int i = 0; ::read(go.readEnd.get(), &c, 1) == 1; ++i) {
      if (!store.deliver("w" + std::to_string(i))) ::_exit(1);
    }
  });
  f.reopen();
  const auto watch = f.account->watch([&](ChangeHint) { heard.set(); });
  times.waitForOne();
  for (int i = 0; i < 20; ++i) {
    REQUIRE(::write(go.writeEnd.get(), "x", 1) == 1);
    REQUIRE(f.loop.runUntilDone(heard.wait(Deadline::after(5s))));
    CHECK(f.inbox().messages == static_cast<std::uint64_t>(i + 1));
  }
  kill9(other);
}

TEST_CASE("a disk that is full stores nothing of a message, and loses none before it", "[store]") {
  LocalFixture f;
  f.close();
  Pipe pipe;
  const pid_t limited = child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{400'000, 400'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ChildStore store(f);
    int refused = 0;
    for (int i = 0; i < 600 && refused < 20; ++i) {
      const std::string id = "d" + std::to_string(i);
      const std::string line = id + "\n";
      if (store.deliver(id)) {
        (void)!::write(pipe.writeEnd.get(), line.data(), line.size());
      } else {
        ++refused;
      }
    }
    ::_exit(refused > 0 ? 0 : 2);
  });
  int status = 0;
  ::waitpid(limited, &status, 0);
  CHECK(status == 0);
  f.reopen();
  const auto found = subjects(f);
  for (const std::string& id : pipe.lines()) CHECK(found.contains(id));
  for (const auto& [id, times] : found) CHECK(times == 1);
  f.append(mail("after"));
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
