#include "libmailcore/daemon/logged_in.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <memory>
#include <set>

#include "libmailcore/ipc/shut_out.h"
#include "tests/unit/libmailcore/daemon/fake_directory.h"

using namespace ostler;
using namespace std::chrono_literals;

namespace {

/// A worker of a daemon, and auth.
struct WorkerOfTest {
  WorkerOfTest() { startAuth(); }
  ~WorkerOfTest() { ::unlink(path.c_str()); }
  void startAuth() {
    server = std::make_unique<ipc::Server>(loop);
    directory.serve(*server);
    REQUIRE(server->listen(path, 0600));
  }

  std::string path = "/tmp/ostler-logged-in-" + std::to_string(::getpid()) + ".sock";
  Loop loop;
  FakeDirectory directory{loop};
  std::unique_ptr<ipc::Server> server;
  ipc::Client auth{loop, path};
  daemon::LoggedIn loggedIn{loop, auth};
  std::multiset<std::string> told;

  static ipc::Account account(const std::string& user) {
    ipc::Account account;
    account.id = *Id128::fromOctets((user + "----------------").substr(0, 16));
    account.address = user;
    return account;
  }
  daemon::LoggedIn::Place enter(const std::string& user, std::uint64_t versionBefore) {
    return loggedIn.enter(account(user), versionBefore, [this, user] { told.insert(user); });
  }
  daemon::LoggedIn::Place enter(const std::string& user) { return enter(user, loggedIn.directoryVersion()); }
  bool waitFor(const std::function<bool()>& condition) {
    const Deadline deadline = Deadline::after(10s);
    while (!condition() && !deadline.passed()) loop.runUntilDone(loop.sleepUntil(Deadline::after(1ms)));
    return condition();
  }
  /// Until the directory as it is now has been heard of.
  void settle() { REQUIRE(waitFor([this] { return loggedIn.directoryVersion() == directory.version; })); }
};

}  // namespace

TEST_CASE("each session of a user who is disabled is told, and nobody else's") {
  WorkerOfTest worker;
  const auto first = worker.enter("alice");
  const auto second = worker.enter("alice");
  const auto other = worker.enter("bob");
  worker.settle();
  worker.directory.disable("alice");
  CHECK(worker.waitFor([&] { return worker.told.size() == 2; }));
  CHECK(worker.told.count("alice") == 2);
}

TEST_CASE("a session that has left is told nothing, and where nobody is logged in nothing is asked") {
  WorkerOfTest worker;
  {
    const auto place = worker.enter("alice");
    worker.settle();
  }
  worker.directory.disable("alice");
  const int before = worker.directory.asked;
  worker.settle();
  CHECK(worker.told.empty());
  CHECK(worker.directory.asked == before);
}

TEST_CASE("who is disabled while he logs in does not stay") {
  WorkerOfTest worker;
  const auto other = worker.enter("bob");
  worker.settle();
  const std::uint64_t before = worker.loggedIn.directoryVersion();
  worker.directory.disable("alice");  // auth has let him in already
  worker.settle();
  const auto late = worker.enter("alice", before);
  CHECK(worker.waitFor([&] { return worker.told.count("alice") == 1; }));
}

TEST_CASE("an auth that is away ends nobody's session, and when it is back it is asked about all of them") {
  WorkerOfTest worker;
  const auto place = worker.enter("alice");
  worker.settle();
  worker.server.reset();
  worker.directory.disable("alice");
  worker.loop.runUntilDone(worker.loop.sleepUntil(Deadline::after(50ms)));
  CHECK(worker.told.empty());
  worker.startAuth();
  CHECK(worker.waitFor([&] { return worker.told.count("alice") == 1; }));
}

TEST_CASE("thousands who are logged in are asked about in pieces") {
  WorkerOfTest worker;
  std::vector<daemon::LoggedIn::Place> places;
  for (int user = 0; user < 1234; ++user) places.push_back(worker.enter(std::to_string(user)));
  worker.settle();
  worker.directory.disable("1233");
  CHECK(worker.waitFor([&] { return worker.told.count("1233") == 1; }));
  CHECK(worker.told.size() == 1);
  CHECK(worker.directory.mostAtOnce == ipc::WhoIsShutOut::kMost);
}
