#include "libmailcore/ipc/socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

#include "libmailcore/async/channel.h"
#include "libmailcore/ipc/directory.h"
#include "libmailcore/ipc/draft.h"
#include "libmailcore/ipc/message.h"
#include "libmailcore/ipc/sending.h"
#include "tests/unit/support/temporary_folder.h"

namespace ostler::ipc {
namespace {

using namespace std::chrono_literals;

Deadline soon() {
  return Deadline::after(60s);
}

Task<Result<Identity>> whoIs(std::shared_ptr<ServerConnection> from, WhoIs request, std::vector<UniqueFd>) {
  Identity identity;
  identity.known = from->peer().uid == ::getuid();
  identity.account.address = request.token;
  co_return identity;
}

struct Suite {
  test::TemporaryFolder folder;
  Loop loop;
  Server server{loop};
  Client client{loop, folder.file("s.sock")};
  Suite() { server.on<WhoIs>(whoIs); }
};

Task<Result<Identity>> ask(Client& client, std::string token, Deadline deadline) {
  WhoIs request;
  request.token = std::move(token);
  Result<Identity> answer = co_await client.call(std::move(request), deadline);
  co_return answer;
}

TEST_CASE("ipc: a request is answered, and the server knows who asks") {
  Suite suite;
  REQUIRE(suite.server.listen(suite.folder.file("s.sock"), 0600));
  const auto answer = suite.loop.runUntilDone(ask(suite.client, "t", soon()));
  REQUIRE(answer);
  CHECK(answer->known);
  CHECK(answer->account.address == "t");
  struct stat status{};
  REQUIRE(::stat(suite.folder.file("s.sock").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
}

Task<void> askAndCount(Client& client, int number, int& right) {
  const std::string token = std::to_string(number) + std::string(static_cast<std::size_t>(number) * 20, 'x');
  Result<Identity> answer = co_await ask(client, token, soon());
  if (answer && answer->account.address == token) ++right;
}

Task<void> askMany(Loop& loop, Client& client, int& right) {
  TaskScope scope(loop);
  for (int n = 0; n < 2000; ++n) scope.spawn(askAndCount(client, n, right));
  const Result<void> idle = co_await scope.whenIdle(soon());
  CHECK(idle);
}

TEST_CASE("ipc: thousands of requests in flight each get their own answer") {
  Suite suite;
  REQUIRE(suite.server.listen(suite.folder.file("s.sock"), 0600));
  int right = 0;
  suite.loop.runUntilDone(askMany(suite.loop, suite.client, right));
  CHECK(right == 2000);
  CHECK(suite.client.generation() == 1);
}

TEST_CASE("ipc: a call waits for a peer that comes later") {
  Suite suite;
  TaskScope scope(suite.loop);
  scope.spawn([](Loop& loop, Server& server, std::string path) -> Task<void> {
    co_await loop.sleepUntil(Deadline::after(30ms));
    CHECK(server.listen(path, 0600));
  }(suite.loop, suite.server, suite.folder.file("s.sock")));
  CHECK(suite.loop.runUntilDone(ask(suite.client, "t", soon())));
}

TEST_CASE("ipc: a call to nobody ends at its deadline and says where nobody was") {
  Suite suite;
  const auto answer = suite.loop.runUntilDone(ask(suite.client, "t", Deadline::after(30ms)));
  REQUIRE_FALSE(answer);
  CHECK(answer.error().kind == Error::Kind::timeout);
  CHECK(answer.error().detail.find("s.sock") != std::string::npos);
}

TEST_CASE("ipc: who is not there is tried after 10, 20, 40 and then every 50 ms, whoever many wait, and not at all when nobody does") {
  Suite suite;
  TaskScope scope(suite.loop);
  for (int n = 0; n < 20; ++n) {
    scope.spawn([](Client& client) -> Task<void> {
      const Result<Identity> answer = co_await ask(client, "t", Deadline::after(500ms));
      CHECK_FALSE(answer);
    }(suite.client));
  }
  CHECK(suite.loop.runUntilDone(scope.whenIdle(soon())));
  // 0, 10, 30, 70, 120, ... 470 ms: thirteen. A machine that is busy has fewer; without back-off there would be fifty or more.
  const std::uint64_t tries = suite.client.tries();
  CHECK(tries >= 3);
  CHECK(tries <= 14);
  suite.loop.runUntilDone([](Loop& loop) -> Task<void> { co_await loop.sleepUntil(Deadline::after(200ms)); }(suite.loop));
  CHECK(suite.client.tries() <= tries + 1);
}

Task<Result<Empty>> refuse(std::shared_ptr<ServerConnection>, DraftData, std::vector<UniqueFd>) {
  co_return fail(Error::Kind::limit, "full");
}

TEST_CASE("ipc: a handler's error arrives as the call's error; a request nobody answers is notFound") {
  Suite suite;
  REQUIRE(suite.server.listen(suite.folder.file("s.sock"), 0600));
  suite.server.on<DraftData>(refuse);
  const auto full = suite.loop.runUntilDone(suite.client.call(DraftData{}, soon()));
  REQUIRE_FALSE(full);
  CHECK(full.error() == Error{Error::Kind::limit, "full"});
  const auto unknown = suite.loop.runUntilDone(suite.client.call(CommitDraft{}, soon()));
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().kind == Error::Kind::notFound);
}

TEST_CASE("ipc: an unanswered call fails with closed when the peer dies, and the next one reaches its successor") {
  test::TemporaryFolder folder;
  Loop loop;
  Client client(loop, folder.file("s.sock"));
  struct Never {
    static Task<Result<Identity>> answer(Loop* loop, std::unique_ptr<Server>* server) {
      loop->post([server] { server->reset(); });
      co_await loop->sleepUntil(Deadline::never());
      co_return Identity{};
    }
  };
  auto dying = std::make_unique<Server>(loop);
  dying->on<WhoIs>([&](auto, WhoIs, std::vector<UniqueFd>) { return Never::answer(&loop, &dying); });
  REQUIRE(dying->listen(folder.file("s.sock"), 0600));
  const auto lost = loop.runUntilDone(ask(client, "t", soon()));
  REQUIRE_FALSE(lost);
  CHECK(lost.error().kind == Error::Kind::closed);
  Server successor(loop);
  successor.on<WhoIs>(whoIs);
  REQUIRE(successor.listen(folder.file("s.sock"), 0600));
  CHECK(loop.runUntilDone(ask(client, "t", soon())));
  CHECK(client.generation() == 2);
}

TEST_CASE("ipc: a second server is refused while the first lives, and replaces the file of a dead one") {
  Suite suite;
  REQUIRE(suite.server.listen(suite.folder.file("s.sock"), 0600));
  Server second(suite.loop);
  const auto refused = second.listen(suite.folder.file("s.sock"), 0600);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == Error::Kind::exists);
  {
    const UniqueFd dead(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (suite.folder.path() + "/dead.sock").copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  CHECK(second.listen(suite.folder.path() + "/dead.sock", 0600));
}

/// What systemd does for a process it starts: sockets from descriptor 3 on, and two variables. Undone at the end.
class HandedOver {
 public:
  explicit HandedOver(const std::string& path) : before_(::fcntl(3, F_DUPFD_CLOEXEC, 100)) {
    UniqueFd made(::socket(AF_UNIX, SOCK_STREAM, 0));
    made = UniqueFd(::fcntl(made.get(), F_DUPFD_CLOEXEC, 100));  // 3 may be the first that is free
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(made.get(), 8) == 0);
    REQUIRE(::dup2(made.get(), 3) == 3);
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::setenv("LISTEN_FDS", "1", 1);
  }
  ~HandedOver() {
    ::unsetenv("LISTEN_PID");
    ::unsetenv("LISTEN_FDS");
    ::close(3);
    if (before_) ::dup2(before_.get(), 3);
  }
  HandedOver(const HandedOver&) = delete;
  HandedOver& operator=(const HandedOver&) = delete;

 private:
  UniqueFd before_;
};

TEST_CASE("ipc: a socket handed over by systemd outlives the server, and the next one answers there") {
  const test::TemporaryFolder folder;
  const HandedOver socket(folder.file("s.sock"));
  Loop loop;
  for (const char* const server : {"first", "second"}) {
    Client client(loop, folder.file("s.sock"));
    Server serving(loop);
    serving.on<WhoIs>(whoIs);
    REQUIRE(serving.listen(folder.file("s.sock"), 0600));
    CHECK(loop.runUntilDone(ask(client, server, soon())));
    serving.stopListening();
    CHECK(std::filesystem::exists(folder.file("s.sock")));
  }
}

// ---- descriptors

Task<Result<Client::Answer<DeliverOutcome>>> lengthOf(std::shared_ptr<ServerConnection>, Deliver request,
                                                      std::vector<UniqueFd> descriptors) {
  Client::Answer<DeliverOutcome> answer;
  for (const UniqueFd& descriptor : descriptors) {
    char text[16] = {};
    const ssize_t count = ::pread(descriptor.get(), text, sizeof text - 1, static_cast<off_t>(request.offset));
    answer.message.recipients.emplace_back();
    answer.message.recipients.back().remoteHost =
        std::string(text, static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  }
  answer.descriptors = std::move(descriptors);
  co_return answer;
}

std::vector<UniqueFd> threeFiles(const test::TemporaryFolder& folder) {
  std::vector<UniqueFd> files;
  for (const char* name : {"a", "b", "c"}) {
    files.emplace_back(::open((folder.path() + "/" + name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    REQUIRE(::write(files.back().get(), name, 1) == 1);
  }
  return files;
}

std::size_t openDescriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

Task<void> passOne(Client& client, std::vector<UniqueFd> files, int& right) {
  auto answer = co_await client.callWithDescriptors(Deliver{}, std::move(files), soon());
  const bool good = answer && answer->message.recipients.size() == 3 && answer->descriptors.size() == 3 &&
                    answer->message.recipients[0].remoteHost == "a" &&
                    answer->message.recipients[2].remoteHost == "c" &&
                    (::fcntl(answer->descriptors[0].get(), F_GETFD) & FD_CLOEXEC) != 0;
  if (good) ++right;
}

TEST_CASE("ipc: descriptors reach the request they belong to, between others, and none is left open") {
  Suite suite;
  suite.server.onWithDescriptors<Deliver>(lengthOf);
  REQUIRE(suite.server.listen(suite.folder.file("s.sock"), 0600));
  REQUIRE(suite.loop.runUntilDone(ask(suite.client, "t", soon())));
  const std::size_t before = openDescriptors();
  int passed = 0;
  int asked = 0;
  {
    TaskScope scope(suite.loop);
    for (int n = 0; n < 20; ++n) {
      scope.spawn(askAndCount(suite.client, n, asked));
      scope.spawn(passOne(suite.client, threeFiles(suite.folder), passed));
    }
    CHECK(suite.loop.runUntilDone(scope.whenIdle(soon())));
  }
  CHECK(passed == 20);
  CHECK(asked == 20);
  CHECK(openDescriptors() == before);
}

// ---- a peer that breaks the rules

struct Raw {
  UniqueFd mine;
  explicit Raw(Server& server) {
    int pair[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    mine.reset(pair[0]);
    ::fcntl(pair[1], F_SETFL, O_NONBLOCK);
    server.adopt(UniqueFd(pair[1]));
  }
  void send(const std::string& octets, std::size_t descriptors = 0) const {
    iovec part{const_cast<char*>(octets.data()), octets.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(8 * sizeof(int))] = {};
    if (descriptors > 0) {
      message.msg_control = control;
      message.msg_controllen = CMSG_SPACE(descriptors * sizeof(int));
      cmsghdr* const rights = CMSG_FIRSTHDR(&message);
      rights->cmsg_level = SOL_SOCKET;
      rights->cmsg_type = SCM_RIGHTS;
      rights->cmsg_len = CMSG_LEN(descriptors * sizeof(int));
      const int fd = STDIN_FILENO;
      for (std::size_t at = 0; at < descriptors; ++at) std::memcpy(CMSG_DATA(rights) + at * sizeof fd, &fd, sizeof fd);
    }
    REQUIRE(::sendmsg(mine.get(), &message, MSG_NOSIGNAL) == static_cast<ssize_t>(octets.size()));
  }
};

std::string rawFrame(FrameHeader header, const std::string& body = "") {
  header.length = header.length == 0 ? static_cast<std::uint32_t>(body.size()) : header.length;
  const auto octets = encodeHeader(header);
  return std::string(octets.data(), octets.size()) + body;
}

TEST_CASE("ipc: a peer that breaks the rules is cut off, told to the log, and leaves no descriptor behind") {
  struct Row {
    const char* what;
    std::string octets;
    std::size_t descriptors;
  };
  std::string wrongVersion = rawFrame({0, WhoIs::kType, 1, 0, 0});
  wrongVersion[0] = 9;
  const Row row = GENERATE_COPY(
      Row{"garbage", std::string(64, '\xee'), 0}, Row{"another version", wrongVersion, 0},
      Row{"a frame too long", rawFrame({0, WhoIs::kType, 1, kMaxFrame + 1, 0}), 0},
      Row{"a frame that declares descriptors it does not bring", rawFrame({0, WhoIs::kType, 1, 0, 2}), 0},
      Row{"descriptors that no frame declares", rawFrame({0, WhoIs::kType, 1, 0, 0}, encode(WhoIs{})), 2},
      Row{"more descriptors than a frame may have", rawFrame({0, WhoIs::kType, 1, 0, 4}, encode(WhoIs{})), 6});
  CAPTURE(row.what);
  Suite suite;
  const std::size_t before = openDescriptors();
  Signal gone(suite.loop);
  std::string told;
  suite.server.onFault([&](const ServerConnection&, const std::string& why) { told = why; });
  suite.server.onClosed([&](const ServerConnection&) { gone.set(); });
  {
    const Raw raw(suite.server);
    raw.send(row.octets, row.descriptors);
    CHECK(suite.loop.runUntilDone(gone.wait(soon())));
  }
  CHECK_FALSE(told.empty());
  CHECK(openDescriptors() == before);
}

struct Blocked {
  static Task<Result<Identity>> wait(Loop* loop, int* running, int* most) {
    struct Count {
      explicit Count(int* of) : n(of) { ++*n; }
      ~Count() { --*n; }
      int* n;
    };
    const Count counted(running);
    *most = std::max(*most, *running);
    co_await loop->sleepUntil(Deadline::after(20ms));
    co_return Identity{};
  }
};

TEST_CASE("ipc: no more requests of one connection run at a time than allowed, and all are answered") {
  test::TemporaryFolder folder;
  Loop loop;
  int running = 0;
  int most = 0;
  ServerLimits limits;
  limits.requestsInFlight = 3;
  Server server(loop, limits);
  server.on<WhoIs>([&](auto, WhoIs, std::vector<UniqueFd>) { return Blocked::wait(&loop, &running, &most); });
  REQUIRE(server.listen(folder.file("s.sock"), 0600));
  Client client(loop, folder.file("s.sock"));
  int answered = 0;
  TaskScope scope(loop);
  for (int n = 0; n < 10; ++n) {
    scope.spawn([](Client& from, int& count) -> Task<void> {
      Result<Identity> answer = co_await ask(from, "t", soon());
      if (answer) ++count;
    }(client, answered));
  }
  CHECK(loop.runUntilDone(scope.whenIdle(soon())));
  CHECK(answered == 10);
  CHECK(most == 3);
}

TEST_CASE("ipc: when a connection closes its requests are cancelled, those to be finished go on") {
  test::TemporaryFolder folder;
  Loop loop;
  int cancellable = 0;
  int finishing = 0;
  int most = 0;
  Server server(loop);
  Signal gone(loop);
  server.on<WhoIs>([&](auto, WhoIs, std::vector<UniqueFd>) { return Blocked::wait(&loop, &cancellable, &most); });
  struct Commit {
    static Task<Result<CommitReply>> run(Loop* on, int* count) {
      Result<Identity> waited = co_await Blocked::wait(on, count, count);
      (void)waited;
      co_return CommitReply{};
    }
  };
  server.on<CommitDraft>([&](auto, CommitDraft, std::vector<UniqueFd>) { return Commit::run(&loop, &finishing); },
                         Server::OnClose::finish);
  server.onClosed([&](const ServerConnection&) { gone.set(); });
  {
    const Raw raw(server);
    raw.send(rawFrame({0, WhoIs::kType, 1, 0, 0}, encode(WhoIs{})) +
             rawFrame({0, CommitDraft::kType, 2, 0, 0}, encode(CommitDraft{})));
  }
  CHECK(loop.runUntilDone(gone.wait(soon())));
  CHECK(cancellable == 0);
  CHECK(finishing >= 1);
}

TEST_CASE("ipc: a call that is given up is forgotten, and its late answer disturbs nobody") {
  test::TemporaryFolder folder;
  Loop loop;
  int running = 0;
  int most = 0;
  Server server(loop);
  server.on<WhoIs>([&](auto, WhoIs, std::vector<UniqueFd>) { return Blocked::wait(&loop, &running, &most); });
  REQUIRE(server.listen(folder.file("s.sock"), 0600));
  Client client(loop, folder.file("s.sock"));
  const auto given = loop.runUntilDone(ask(client, "t", Deadline::after(5ms)));
  REQUIRE_FALSE(given);
  CHECK(given.error().kind == Error::Kind::timeout);
  CHECK(loop.runUntilDone(ask(client, "t", soon())));
  CHECK(client.generation() == 1);
}

// One of a thousand callers of one process: asks with random deadlines until it is destroyed or done.
Task<void> askAtRandom(Loop& loop, Client& client, unsigned seed, long& right, long& wrong) {
  std::mt19937 random(seed);
  for (int n = 0; n < 20; ++n) {
    const std::string token = std::to_string(seed) + "/" + std::to_string(n) + std::string(random() % 3000, 'x');
    const Result<Identity> answer = co_await ask(client, token, Deadline::after(std::chrono::microseconds(random() % 20'000)));
    if (answer) ++(answer->account.address == token ? right : wrong);
    if (random() % 5 == 0) co_await loop.yield();
  }
}

Task<Result<Identity>> answerLate(Loop* loop, unsigned micros, std::string token) {
  co_await loop->sleepUntil(Deadline::after(std::chrono::microseconds(micros)));
  Identity identity;
  identity.account.address = std::move(token);
  co_return identity;
}

TEST_CASE("ipc: a thousand callers cancelled at random moments, and a server that dies in between, mix no answers and leave nothing open") {
  std::mt19937 random(26);
  const std::size_t before = openDescriptors();
  {
    test::TemporaryFolder folder;
    Loop loop;
    auto server = std::make_unique<Server>(loop);
    const auto listen = [&] {
      server->on<WhoIs>([&](auto, WhoIs request, std::vector<UniqueFd>) { return answerLate(&loop, static_cast<unsigned>(random() % 3000), std::move(request.token)); });
      REQUIRE(server->listen(folder.file("s.sock"), 0600));
    };
    listen();
    std::vector<std::unique_ptr<Client>> clients;
    for (int n = 0; n < 10; ++n) clients.push_back(std::make_unique<Client>(loop, folder.file("s.sock")));
    std::vector<std::unique_ptr<TaskScope>> callers;
    long right = 0;
    long wrong = 0;
    for (unsigned n = 0; n < 1000; ++n) {
      callers.push_back(std::make_unique<TaskScope>(loop));
      callers.back()->spawn(askAtRandom(loop, *clients[n % clients.size()], n, right, wrong));
    }
    for (int turn = 0; !callers.empty(); ++turn) {
      for (int n = 0; n < 8 && !callers.empty(); ++n) {
        std::swap(callers[random() % callers.size()], callers.back());
        callers.pop_back();
      }
      loop.runUntilDone(loop.sleepUntil(Deadline::after(std::chrono::microseconds(random() % 2000))));
      if (turn % 40 == 39) {
        server.reset();
        server = std::make_unique<Server>(loop);
        listen();
      }
    }
    CHECK(right > 10);  // how many are quicker than their end depends on the machine
    CHECK(wrong == 0);
    for (const auto& client : clients) CHECK(loop.runUntilDone(ask(*client, "last", soon())));
  }
  CHECK(openDescriptors() == before);
}

}  // namespace
}  // namespace ostler::ipc
