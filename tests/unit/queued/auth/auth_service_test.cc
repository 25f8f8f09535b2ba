#include "queued/auth/auth_service.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>

#include "libmailcore/ipc/directory.h"
#include "libmailcore/ipc/introspection.h"
#include "libmailcore/ipc/login.h"
#include "tests/unit/libmailcore/directory/temporary_directory.h"
#include "tests/unit/libmailcore/sasl/scram_client.h"

using namespace ostler;
using namespace ostler::queued::auth;
using LoginState = ipc::LoginReply::State;

namespace {

struct FakeConnection final : ipc::ServerConnection {
  explicit FakeConnection(std::uint64_t number, uid_t uid = ::geteuid()) : number_(number) { peer_.uid = uid; }
  const ipc::PeerCredentials& peer() const override { return peer_; }
  std::uint64_t id() const override { return number_; }
  ipc::PeerCredentials peer_;
  std::uint64_t number_;
};

/// The authorization server's answer; none when it is empty.
Task<Result<ipc::Introspected>> answerWith(int, std::string says) {
  if (says.empty()) co_return fail(Error::Kind::temporary, "no answer");
  co_return ipc::Introspected{std::move(says)};
}

struct SlowServer {
  int asked = 0;
  bool answers = false;
};

Task<Result<ipc::Introspected>> answerLater(Loop& loop, std::shared_ptr<SlowServer> server) {
  ++server->asked;
  while (!server->answers) co_await loop.sleepUntil(Deadline::after(std::chrono::milliseconds(5)));
  co_return ipc::Introspected{R"({"active":true,"email":"alice@example.test"})"};
}

Task<void> countSucceeded(AuthService& service, std::shared_ptr<FakeConnection> from, ipc::LoginStart start, int& succeeded) {
  const auto answer = co_await service.loginStart(std::move(from), std::move(start));
  if (answer && answer->message.state == LoginState::succeeded) ++succeeded;
}

sasl::VerifierOptions cheap() {
  sasl::VerifierOptions options;
  options.argon2MemoryKiB = 64;
  options.argon2Passes = 1;
  options.scramIterations = 4096;
  return options;
}

/// example.test with alice (password "secret"), dora (disabled, "secret") and carl (no password at all).
struct House {
  directory::TemporaryDirectory directory;
  std::shared_ptr<directory::OwnDirectory> own{std::move(directory.own)};
  ManualClock clock{fromUnixMillis(1'790'000'000'000)};
  Loop loop;
  Pool hashing{"hash", 2};
  Pool reads{"reads", 2};
  std::shared_ptr<config::Config> config = std::make_shared<config::Config>();
  std::unique_ptr<AuthService> service;
  std::shared_ptr<FakeConnection> daemon = std::make_shared<FakeConnection>(1);

  House() {
    config->dataDir = directory.folder.path();
    config->imap.auth.mechanisms.push_back("CRAM-MD5");
    config->directory.failuresBeforeLockout = 3;
    addUser("alice", "secret", false);
    addUser("dora", "secret", true);
    addUser("carl", "", false);
    restart();
  }
  void restart(std::function<Task<Result<ipc::Introspected>>(std::string)> introspect = {},
               std::chrono::milliseconds (*delay)(unsigned) = [](unsigned) { return std::chrono::milliseconds(0); }) {
    service = std::make_unique<AuthService>(AuthService::Parts{loop,
                                                               hashing,
                                                               reads,
                                                               clock,
                                                               {},
                                                               own,
                                                               config,
                                                               sasl::makeVerifiers("decoy", cheap())->passwordHash,
                                                               delay,
                                                               std::move(introspect)});
  }
  void addUser(const std::string& name, const std::string& password, bool disabled) {
    REQUIRE(own->edit([&](directory::OwnDirectory::Edit& edit) -> Result<void> {
      directory::Domain domain;
      domain.name = "example.test";
      domain.aliases = {"example.example"};
      if (!edit.domain("example.test")) REQUIRE(edit.putDomain(domain, directory::OwnDirectory::Edit::Mode::add));
      directory::User user;
      user.domain = "example.test";
      user.localPart = name;
      user.disabled = disabled;
      user.sendAs = {"sales@example.test"};
      if (!password.empty()) user.verifiers = sasl::makeVerifiers(password, cheap()).value();
      const bool isThere = edit.user("example.test", name).has_value();
      REQUIRE(edit.putUser(
          user, isThere ? directory::OwnDirectory::Edit::Mode::replace : directory::OwnDirectory::Edit::Mode::add));
      return {};
    }));
  }
  ipc::LoginStart plain(const std::string& user, const std::string& password,
                        const std::string& client = "192.0.2.9:4000") {
    ipc::LoginStart start;
    start.session.service = "imap";
    start.session.client = client;
    start.mechanism = "PLAIN";
    start.initial = std::string(1, '\0') + user + '\0' + password;
    return start;
  }
  AuthService::LoginAnswer ask(ipc::LoginStart start) {
    auto answer = loop.runUntilDone(service->loginStart(daemon, std::move(start)));
    REQUIRE(answer);
    return std::move(*answer);
  }
  ipc::LoginReply login(const std::string& user, const std::string& password,
                        const std::string& client = "192.0.2.9:4000") {
    return ask(plain(user, password, client)).message;
  }
  AuthService::LoginAnswer next(std::uint64_t conversation, const std::string& response) {
    auto answer = loop.runUntilDone(service->loginContinue(daemon, {conversation, response}));
    REQUIRE(answer);
    return std::move(*answer);
  }
  ipc::Identity whose(const std::string& token) { return loop.runUntilDone(service->whoIs(daemon, {token})).value(); }
};

}  // namespace

TEST_CASE("a login gives the account, its folder and a token that says whose it is") {
  House house;
  const AuthService::LoginAnswer answer = house.ask(house.plain("Alice@Example.test", "secret"));
  REQUIRE(answer.message.state == LoginState::succeeded);
  CHECK(answer.message.account.address == "alice@example.test");
  REQUIRE(answer.descriptors.size() == 1);
  struct stat info{};
  REQUIRE(fstat(answer.descriptors[0].get(), &info) == 0);
  CHECK(S_ISDIR(info.st_mode));
  CHECK((info.st_mode & 0007) == 0);  // nobody outside the suite
  CHECK((fcntl(answer.descriptors[0].get(), F_GETFL) & O_PATH) != 0);
  CHECK(answer.message.token.size() == 64);
  const ipc::Identity identity = house.whose(answer.message.token);
  CHECK(identity.known);
  CHECK(identity.account.id == answer.message.account.id);
  CHECK(identity.addresses == std::vector<std::string>{"alice@example.test", "alice@example.example", "sales@example.test"});
}

TEST_CASE("a token is worth nothing once the connection it was given on is closed, nor when it was invented") {
  House house;
  const std::string token = house.login("alice", "secret").token;
  CHECK(house.whose(token).known);
  CHECK_FALSE(house.whose(std::string(64, '0')).known);
  CHECK_FALSE(house.whose("").known);
  house.service->connectionClosed(FakeConnection(2));
  CHECK(house.whose(token).known);
  house.service->connectionClosed(*house.daemon);
  CHECK_FALSE(house.whose(token).known);
}

TEST_CASE("logins of one account on one connection share a token, those on another connection do not") {
  House house;
  const std::string token = house.login("alice", "secret").token;
  CHECK(house.login("alice", "secret").token == token);
  house.daemon = std::make_shared<FakeConnection>(2);
  const std::string other = house.login("alice", "secret").token;
  CHECK(other != token);
  house.service->connectionClosed(FakeConnection(1));
  CHECK(house.whose(other).known);
  CHECK_FALSE(house.whose(token).known);
}

TEST_CASE("smtpd gets no folder") {
  House house;
  house.config->virtualServers.emplace_back();
  ipc::LoginStart start = house.plain("alice", "secret");
  start.session.service = "submission";
  start.session.virtualServer = "default";
  const AuthService::LoginAnswer answer = house.ask(start);
  CHECK(answer.message.state == LoginState::succeeded);
  CHECK(answer.descriptors.empty());
}

TEST_CASE("a wrong password, no such user, and no password set say the same to the client and cost the same hash") {
  House house;
  int client = 0;
  for (const char* const user : {"alice", "nobody", "carl", "alice@elsewhere.test", "\"broken"}) {
    INFO(user);
    const std::uint64_t before = house.service->slowHashes();
    const ipc::LoginReply reply = house.login(user, "wrong", "192.0.2." + std::to_string(++client) + ":1");
    CHECK(reply.state == LoginState::failed);
    CHECK(reply.reason == "credentials");
    CHECK_FALSE(reply.account.address.empty());
    CHECK(house.service->slowHashes() == before + 1);
  }
}

namespace {

/// Logs in while all threads for hashing are busy; says how far it was before they were free, and afterwards.
Task<void> loginMeanwhile(House& house, std::shared_ptr<std::atomic<bool>> isFree, std::optional<LoginState>& state) {
  TaskScope scope(house.loop);
  for (int thread = 0; thread < 2; ++thread) {
    CHECK(house.hashing.post([isFree] { isFree->wait(false); }));
  }
  scope.spawn([](House& in, std::optional<LoginState>& out) -> Task<void> {
    const auto answer = co_await in.service->loginStart(in.daemon, in.plain("alice", "secret"));
    if (answer) out = answer->message.state;
  }(house, state));
  for (int turn = 0; turn < 20; ++turn) {  // others are served: the loop runs, and auth answers
    co_await house.loop.sleepUntil(Deadline::after(std::chrono::milliseconds(5)));
    const auto identity = co_await house.service->whoIs(house.daemon, {"no token"});
    CHECK(identity);
  }
  CHECK_FALSE(state);
  isFree->store(true);
  isFree->notify_all();
  const Result<void> idle = co_await scope.whenIdle(Deadline::after(std::chrono::seconds(30)));
  CHECK(idle);
}

}  // namespace

TEST_CASE("a password is hashed on a thread of its own, never on the event loop, which goes on serving others") {
  House house;
  std::optional<LoginState> state;
  house.loop.runUntilDone(loginMeanwhile(house, std::make_shared<std::atomic<bool>>(false), state));
  CHECK(state == LoginState::succeeded);
}

TEST_CASE("the decoy's password opens nobody's account") {
  House house;
  CHECK(house.login("nobody", "decoy").state == LoginState::failed);
  CHECK(house.login("carl", "decoy").state == LoginState::failed);
  CHECK(house.login("carl", "decoy", "192.0.2.8:1").state == LoginState::failed);
}

TEST_CASE(
    "the second login with the same password needs no hash; a wrong one does; a changed password counts at once") {
  House house;
  CHECK(house.login("alice", "secret").state == LoginState::succeeded);
  CHECK(house.service->slowHashes() == 1);
  CHECK(house.login("alice", "secret").state == LoginState::succeeded);
  CHECK(house.service->slowHashes() == 1);
  CHECK(house.login("alice", "wrong").state == LoginState::failed);
  CHECK(house.service->slowHashes() == 2);
  house.addUser("alice", "changed", false);
  CHECK(house.login("alice", "secret").state == LoginState::failed);
  CHECK(house.login("alice", "changed").state == LoginState::succeeded);
  CHECK(house.service->slowHashes() == 4);
  house.clock.advance(std::chrono::minutes(11));
  CHECK(house.login("alice", "changed").state == LoginState::succeeded);
  CHECK(house.service->slowHashes() == 5);
}

TEST_CASE("after too many failures the account is locked for every protocol and client, and opens again later") {
  House house;
  for (int i = 0; i < 3; ++i)
    CHECK(house.login("alice", "wrong", "192.0.2." + std::to_string(i) + ":1").reason == "credentials");
  const std::uint64_t before = house.service->slowHashes();
  CHECK(house.login("ALICE@example.test", "secret", "198.51.100.1:1").reason == "locked-out");
  ipc::LoginStart other = house.plain("alice", "secret", "198.51.100.1:1");
  other.session.service = "pop3";
  CHECK(house.ask(std::move(other)).message.reason == "locked-out");
  CHECK(house.service->slowHashes() == before);
  house.clock.advance(std::chrono::minutes(16));
  CHECK(house.login("alice", "secret", "198.51.100.1:1").state == LoginState::succeeded);
}

TEST_CASE(
    "after too many failures the client is locked for every account, and a login of its own does not buy it more "
    "guesses") {
  House house;
  CHECK(house.login("a1", "wrong").reason == "credentials");
  CHECK(house.login("a2", "wrong").reason == "credentials");
  CHECK(house.login("alice", "secret").state == LoginState::succeeded);
  CHECK(house.login("a3", "wrong").reason == "credentials");
  CHECK(house.login("alice", "secret").reason == "locked-out");
  CHECK(house.login("alice", "secret", "198.51.100.1:1").state == LoginState::succeeded);
}

TEST_CASE("a client on the allow list is never locked out, and locks nobody out") {
  House house;
  house.config->directory.lockoutExempt = {net::Cidr::parse("192.0.2.0/24").value()};
  for (int guess = 0; guess < 10; ++guess) CHECK(house.login("alice", "wrong", "192.0.2.9:4000").reason == sasl::kReasonCredentials);
  CHECK(house.login("alice", "secret", "192.0.2.9:4000").state == LoginState::succeeded);
  CHECK(house.login("alice", "secret", "198.51.100.1:4000").state == LoginState::succeeded);
  for (int guess = 0; guess < 10; ++guess) (void)house.login("alice", "wrong", "198.51.100.1:4000");
  CHECK(house.login("alice", "secret", "198.51.100.1:4000").reason == "locked-out");
  CHECK(house.login("alice", "secret", "192.0.2.9:4000").state == LoginState::succeeded);
}

TEST_CASE("failed logins that name nobody lock no account out") {
  House house;
  house.config->imap.auth.mechanisms.push_back("XOAUTH2");
  const auto token = [&house](const std::string& client) {
    ipc::LoginStart start = house.plain("", "", client);
    start.mechanism = "XOAUTH2";
    start.initial = "user=\x01" "auth=Bearer bad\x01\x01";
    const AuthService::LoginAnswer told = house.ask(std::move(start));
    return house.next(told.message.conversation, "").message.reason;
  };
  for (int guess = 0; guess < 5; ++guess) CHECK(token("192.0.2." + std::to_string(guess) + ":4000") == sasl::kReasonCredentials);
  CHECK(token("192.0.2.99:4000") == sasl::kReasonCredentials);
}

TEST_CASE("a bearer token is asked about once in a while, and not at all while the client is locked out") {
  House house;
  house.config->imap.auth.mechanisms.push_back("XOAUTH2");
  house.config->oauth.introspectionUrl = "https://id.example/";
  struct Server {
    int asked = 0;
    std::string says;
  };
  const auto server = std::make_shared<Server>();
  house.restart([server](std::string) -> Task<Result<ipc::Introspected>> { return answerWith(++server->asked, server->says); });
  const auto login = [&house](const std::string& token) {
    ipc::LoginStart start = house.plain("", "");
    start.mechanism = "XOAUTH2";
    start.initial = "user=alice@example.test\x01" "auth=Bearer " + token + "\x01\x01";
    return house.ask(std::move(start)).message.state;
  };
  server->says = R"({"active":true,"email":"alice@example.test"})";
  CHECK(login("one") == LoginState::succeeded);
  CHECK(login("one") == LoginState::succeeded);
  CHECK(server->asked == 1);
  house.clock.advance(std::chrono::seconds(61));
  CHECK(login("one") == LoginState::succeeded);
  CHECK(server->asked == 2);
  server->says = "";  // no answer at all
  CHECK(login("two") == LoginState::unavailable);
  server->says = "<html>";
  CHECK(login("two") == LoginState::unavailable);
  server->says = R"({"active":false})";
  for (int guess = 0; guess < 3; ++guess) {
    ipc::LoginStart start = house.plain("", "");
    start.mechanism = "XOAUTH2";
    start.initial = "user=\x01" "auth=Bearer three\x01\x01";
    const AuthService::LoginAnswer told = house.ask(std::move(start));
    CHECK(house.next(told.message.conversation, "").message.state == LoginState::failed);
  }
  const int before = server->asked;
  CHECK(login("four") == LoginState::challenge);  // invalid_token
  CHECK(server->asked == before);
}

TEST_CASE("while two hundred bearer tokens are asked about, another one is not, and is told so for now") {
  House house;
  house.config->imap.auth.mechanisms.push_back("XOAUTH2");
  house.config->oauth.introspectionUrl = "https://id.example/";
  const auto server = std::make_shared<SlowServer>();
  house.restart([server, &loop = house.loop](std::string) -> Task<Result<ipc::Introspected>> { return answerLater(loop, server); });
  const auto start = [&house](int token) {
    ipc::LoginStart login = house.plain("", "");
    login.mechanism = "XOAUTH2";
    login.initial = "user=alice@example.test\x01" "auth=Bearer " + std::to_string(token) + "\x01\x01";
    return login;
  };
  int succeeded = 0;
  TaskScope logins(house.loop);
  for (int token = 0; token < 200; ++token) logins.spawn(countSucceeded(*house.service, house.daemon, start(token), succeeded));
  while (server->asked < 200) house.loop.runUntilDone(house.loop.sleepUntil(Deadline::after(std::chrono::milliseconds(1))));
  CHECK(house.ask(start(200)).message.state == LoginState::unavailable);
  CHECK(server->asked == 200);
  server->answers = true;
  CHECK(house.loop.runUntilDone(logins.whenIdle(Deadline::after(std::chrono::seconds(60)))));
  CHECK(succeeded == 200);
  CHECK(house.ask(start(200)).message.state == LoginState::succeeded);
}

TEST_CASE("loopback is never refused because of earlier failures when the configuration says so") {
  House house;
  house.config->directory.lockoutLoopback = false;
  house.restart();
  for (int i = 0; i < 20; ++i) CHECK(house.login("alice", "wrong", "127.0.0.1:1").reason == "credentials");
  CHECK(house.login("alice", "secret", "[::1]:1").state == LoginState::succeeded);
  for (int i = 0; i < 3; ++i) (void)house.login("alice", "wrong");
  CHECK(house.login("alice", "secret").reason == "locked-out");
  CHECK(house.login("alice", "secret", "127.0.0.1:1").state == LoginState::succeeded);
}

TEST_CASE("a disabled account does not log in, and acting as somebody else is refused") {
  House house;
  CHECK(house.login("dora", "secret").reason == "disabled");
  ipc::LoginStart asDora = house.plain("alice", "secret");
  asDora.initial = "dora" + *asDora.initial;
  CHECK(house.ask(std::move(asDora)).message.reason == "authorization");
  ipc::LoginStart asSelf = house.plain("alice", "secret", "192.0.2.10:1");
  asSelf.initial = "Alice@example.test" + *asSelf.initial;
  CHECK(house.ask(std::move(asSelf)).message.state == LoginState::succeeded);
}

TEST_CASE("SCRAM-SHA-256 logs in without a slow hash, and the server proves itself") {
  House house;
  sasl::ScramClient client(sasl::Hash::sha256, "alice", "secret");
  ipc::LoginStart start = house.plain("", "");
  start.mechanism = "SCRAM-SHA-256";
  start.initial = client.first();
  const AuthService::LoginAnswer first = house.ask(std::move(start));
  REQUIRE(first.message.state == LoginState::challenge);
  const AuthService::LoginAnswer last = house.next(first.message.conversation, client.final(first.message.data));
  CHECK(last.message.state == LoginState::succeeded);
  CHECK(client.serverIsGenuine(last.message.data));
  CHECK(last.descriptors.size() == 1);
  CHECK(house.service->slowHashes() == 0);
}

TEST_CASE("SCRAM: a locked-out user is refused although the proof was right, an unknown one at the same step") {
  House house;
  for (int i = 0; i < 3; ++i) (void)house.login("alice", "wrong", "198.51.100.1:1");
  for (const char* const name : {"alice", "nobody"}) {
    INFO(name);
    sasl::ScramClient client(sasl::Hash::sha256, name, "secret");
    ipc::LoginStart start = house.plain("", "");
    start.mechanism = "SCRAM-SHA-256";
    start.initial = client.first();
    const AuthService::LoginAnswer first = house.ask(std::move(start));
    REQUIRE(first.message.state == LoginState::challenge);
    const AuthService::LoginAnswer last = house.next(first.message.conversation, client.final(first.message.data));
    CHECK(last.message.state == LoginState::failed);
    CHECK(last.message.token.empty());
    CHECK(last.message.data.find("v=") == std::string::npos);
  }
}

TEST_CASE("a conversation belongs to its connection, and is over when it is cancelled or too old") {
  House house;
  ipc::LoginStart start = house.plain("", "");
  start.mechanism = "LOGIN";
  start.initial.reset();
  const std::uint64_t one = house.ask(start).message.conversation;
  const auto stranger = std::make_shared<FakeConnection>(2);
  CHECK(house.loop.runUntilDone(house.service->loginContinue(stranger, {one, "alice"}))->message.state ==
        LoginState::failed);
  house.service->loginCancel(*stranger, {one});
  const AuthService::LoginAnswer asked = house.next(one, "alice");
  REQUIRE(asked.message.state == LoginState::challenge);
  house.service->loginCancel(*house.daemon, {asked.message.conversation});
  CHECK(house.next(asked.message.conversation, "secret").message.state == LoginState::failed);
  const std::uint64_t old = house.ask(start).message.conversation;
  house.clock.advance(std::chrono::minutes(6));
  (void)house.ask(start);
  CHECK(house.next(old, "alice").message.reason == "expired");
}

namespace {

Task<void> note(AuthService& service, std::shared_ptr<FakeConnection> from, ipc::LoginStart start, std::vector<ipc::LoginReply>& into) {
  const auto answer = co_await service.loginStart(std::move(from), std::move(start));
  if (answer) into.push_back(answer->message);
}
Task<void> waitForAnswers(Loop& loop, const std::vector<ipc::LoginReply>& answers, std::size_t least) {
  while (answers.size() < least) co_await loop.sleepUntil(Deadline::after(std::chrono::milliseconds(1)));
}
Task<Result<ipc::Introspected>> neverAnswer(Loop& loop) {
  co_await loop.sleepUntil(Deadline::never());
  co_return fail(Error::Kind::timeout, "never");
}

}  // namespace

TEST_CASE("who begins conversations and never goes on with them fills no memory: the oldest goes") {
  House house;
  ipc::LoginStart start = house.plain("", "");
  start.mechanism = "LOGIN";
  start.initial.reset();
  const std::uint64_t first = house.ask(start).message.conversation;
  const std::uint64_t second = house.ask(start).message.conversation;
  for (int at = 0; at < 99'999; ++at) (void)house.ask(start);
  CHECK(house.next(first, "alice").message.reason == "expired");
  CHECK(house.next(second, "alice").message.state == LoginState::challenge);
}

TEST_CASE("no more than 500 failures are answered late at a time: guessing fast cannot pile up waiting answers") {
  House house;
  house.restart({}, [](unsigned) { return std::chrono::milliseconds(3'600'000); });
  std::vector<ipc::LoginReply> answers;
  TaskScope guesses(house.loop);
  for (int at = 0; at < 510; ++at) {
    const std::string client = "198.18." + std::to_string(at / 250) + "." + std::to_string(at % 250) + ":4000";
    guesses.spawn(note(*house.service, house.daemon, house.plain("user" + std::to_string(at), "x", client), answers));
  }
  house.loop.runUntilDone(waitForAnswers(house.loop, answers, 10));
  CHECK(answers.size() == 10);
  CHECK(answers.front().state == LoginState::failed);
}

TEST_CASE("no more than 200 questions about bearer tokens are open at a time: the next client hears that it is not possible now") {
  House house;
  house.config->imap.auth.mechanisms.push_back("XOAUTH2");
  house.config->oauth.introspectionUrl = "https://id.example/";
  house.restart([&loop = house.loop](std::string) { return neverAnswer(loop); });
  std::vector<ipc::LoginReply> answers;
  TaskScope questions(house.loop);
  for (int at = 0; at < 201; ++at) {
    ipc::LoginStart start = house.plain("", "");
    start.mechanism = "XOAUTH2";
    start.initial = "user=alice@example.test\x01" "auth=Bearer t" + std::to_string(at) + "\x01\x01";
    questions.spawn(note(*house.service, house.daemon, std::move(start), answers));
  }
  house.loop.runUntilDone(waitForAnswers(house.loop, answers, 1));
  CHECK(answers.size() == 1);
  CHECK(answers.front().state == LoginState::unavailable);
}

TEST_CASE("a mechanism that the listener does not name is refused") {
  House house;
  ipc::LoginStart start = house.plain("alice", "secret");
  start.session.service = "pop3";
  start.mechanism = "CRAM-MD5";
  start.initial.reset();
  CHECK(house.ask(start).message.reason == "mechanism");
  start.session.service = "imap";
  CHECK(house.ask(start).message.state == LoginState::challenge);
  start.mechanism = "NTLM";
  CHECK(house.ask(start).message.reason == "mechanism");
}

TEST_CASE("a process of a foreign user is told nothing") {
  House house;
  const auto stranger = std::make_shared<FakeConnection>(7, 54321);
  CHECK(house.loop.runUntilDone(house.service->loginStart(stranger, house.plain("alice", "secret"))).error().kind ==
        Error::Kind::denied);
  CHECK(house.loop.runUntilDone(house.service->whoIs(stranger, {"x"})).error().kind == Error::Kind::denied);
  CHECK(house.loop.runUntilDone(house.service->resolve(stranger, {"alice"})).error().kind == Error::Kind::denied);
}

TEST_CASE("resolve says where an address leads") {
  House house;
  const auto found = house.loop.runUntilDone(house.service->resolve(house.daemon, {"Alice+x@example.test"}));
  REQUIRE(found);
  REQUIRE(found->accounts.size() == 1);
  CHECK(found->accounts[0].address == "alice@example.test");
  CHECK(found->mailboxes == std::vector<std::string>{"x"});
}

TEST_CASE("a bare name is a user of the domain whose address the client came to") {
  House house;
  REQUIRE(house.own->edit([&](directory::OwnDirectory::Edit& edit) -> Result<void> {
    directory::Domain domain;
    domain.name = "other.test";
    domain.loginAddresses = {"192.0.2.77"};
    REQUIRE(edit.putDomain(domain, directory::OwnDirectory::Edit::Mode::add));
    directory::User user;
    user.domain = "other.test";
    user.localPart = "alice";
    user.verifiers = sasl::makeVerifiers("other secret", cheap()).value();
    REQUIRE(edit.putUser(user, directory::OwnDirectory::Edit::Mode::add));
    return {};
  }));
  ipc::LoginStart start = house.plain("alice", "other secret");
  start.session.local = "192.0.2.77:993";
  CHECK(house.ask(start).message.account.address == "alice@other.test");
  start.session.local = "192.0.2.78:993";
  CHECK(house.ask(start).message.state == LoginState::failed);
}

TEST_CASE("an administrator sees who is locked out, and lets them in again") {
  House house;
  for (int i = 0; i < 3; ++i) (void)house.login("alice", "wrong");
  const auto seen = house.loop.runUntilDone(house.service->control(house.daemon, {{"lockouts", "--json"}, ""})).value();
  const auto inWords = house.loop.runUntilDone(house.service->control(house.daemon, {{"lockouts"}, ""})).value();
  CHECK(inWords.output.find("account alice@example.test: 3 failures, locked out until 20") != std::string::npos);
  CHECK(seen.output.find("\"account alice@example.test\",\"failures\":3") != std::string::npos);
  CHECK(seen.output.find("client 192.0.2.9") != std::string::npos);
  for (const char* const who : {"alice@example.test", "192.0.2.9"}) {
    CHECK(house.login("alice", "secret").reason == "locked-out");
    CHECK(house.loop.runUntilDone(house.service->control(house.daemon, {{"unlock", who}, ""}))->exitCode == 0);
  }
  CHECK(house.login("alice", "secret").state == LoginState::succeeded);
  CHECK(house.loop.runUntilDone(house.service->control(house.daemon, {{"dance"}, ""}))->exitCode != 0);
}
