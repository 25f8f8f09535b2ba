// Several processes with one account: killed, stopped, out of disk, and telling each other.
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <array>
#include <functional>
#include <map>
#include <set>
#include <thread>

#include "libmailcore/store/local_store.h"
#include "tests/unit/libmailcore/store/store_suite.h"

namespace ostler::store::test {
namespace {

using namespace std::chrono_literals;

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
  for (int round = 0; round < 300 && (round < 6 || stoppedWithTheLock < 2); ++round) {
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

}  // namespace
}  // namespace ostler::store::test
