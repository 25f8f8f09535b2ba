#include "queued/auth/auth_service.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "libmailcore/ipc/message.h"
#include "libmailcore/ipc/wire.h"
#include "tests/unit/queued/auth/house.h"

using namespace ostler;
using namespace ostler::queued::auth;
using LoginState = ipc::LoginReply::State;

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

TEST_CASE("a login by a virtual server that is gone has no other one's settings, and is a failure for now") {
  House house;
  house.config->virtualServers.emplace_back();
  ipc::LoginStart start = house.plain("alice", "secret");
  start.session.service = "submission";
  start.session.virtualServer = "gone";
  CHECK(house.ask(start).message.state == LoginState::unavailable);
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

TEST_CASE("where an alias of very many leads is told in pieces that fit into frames, to who asked and once") {
  House house;
  std::vector<std::string> targets;
  for (int n = 0; n < 60'000; ++n) targets.push_back("subscriber" + std::to_string(n) + "@lists.far.test");
  REQUIRE(house.own->edit([&](directory::OwnDirectory::Edit& edit) {
    return edit.putAlias({"example.test", "list", targets}, directory::OwnDirectory::Edit::Mode::add);
  }));
  const auto begun = house.loop.runUntilDone(house.service->resolve(house.daemon, {"list@example.test"}));
  REQUIRE(begun);
  REQUIRE(begun->longAnswer != 0);
  const auto stranger = std::make_shared<FakeConnection>(2);
  CHECK_FALSE(house.loop.runUntilDone(house.service->resolvePiece(stranger, {begun->longAnswer, 0})));
  std::string encoded;
  while (encoded.size() < begun->octets) {
    const auto piece = house.loop.runUntilDone(house.service->resolvePiece(house.daemon, {begun->longAnswer, encoded.size()}));
    REQUIRE(piece);
    REQUIRE(piece->octets.size() < ipc::kMaxFrame);
    encoded += piece->octets;
  }
  const auto whole = ipc::decode<ipc::Resolution>(encoded);
  REQUIRE(whole);
  CHECK(whole->remote == targets);
  CHECK_FALSE(house.loop.runUntilDone(house.service->resolvePiece(house.daemon, {begun->longAnswer, 0})));
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

TEST_CASE("whose login it was is nobody's any more once the user is disabled or removed") {
  House house;
  const std::string token = house.login("alice@example.test", "secret").token;
  REQUIRE(house.whose(token).known);
  const auto change = [&](void (*how)(directory::OwnDirectory::Edit&, directory::User)) {
    REQUIRE(house.own->edit([&](directory::OwnDirectory::Edit& edit) -> Result<void> {
      how(edit, edit.user("example.test", "alice").value());
      return {};
    }));
  };
  using Mode = directory::OwnDirectory::Edit::Mode;
  change([](auto& edit, directory::User user) { user.disabled = true; REQUIRE(edit.putUser(user, Mode::replace)); });
  CHECK_FALSE(house.whose(token).known);
  change([](auto& edit, directory::User user) { user.disabled = false; REQUIRE(edit.putUser(user, Mode::replace)); });
  CHECK(house.whose(token).known);
  change([](auto& edit, directory::User) { REQUIRE(edit.removeUser("example.test", "alice")); });
  CHECK_FALSE(house.whose(token).known);
}

TEST_CASE("daemons hear that the directory has changed, and who of their users may not stay") {
  House house;
  const ipc::Account alice = house.login("alice@example.test", "secret").account;
  const auto versionAfter = [&](std::uint64_t known) { return house.loop.runUntilDone(house.service->awaitDirectory(house.daemon, {known}))->version; };
  const auto shutOut = [&] { return house.loop.runUntilDone(house.service->whoIsShutOut(house.daemon, {{alice}}))->accounts; };
  const std::uint64_t before = versionAfter(0);
  CHECK(before != 0);
  CHECK(shutOut().empty());
  REQUIRE(house.own->edit([](directory::OwnDirectory::Edit& edit) -> Result<void> {
    directory::User user = edit.user("example.test", "alice").value();
    user.disabled = true;
    REQUIRE(edit.putUser(user, directory::OwnDirectory::Edit::Mode::replace));
    return {};
  }));
  CHECK(versionAfter(before) > before);
  CHECK(shutOut() == std::vector<Id128>{alice.id});
  ipc::WhoIsShutOut tooMany;
  tooMany.accounts.resize(ipc::WhoIsShutOut::kMost + 1);
  CHECK(house.loop.runUntilDone(house.service->whoIsShutOut(house.daemon, tooMany)).error().kind == Error::Kind::limit);
  const auto stranger = std::make_shared<FakeConnection>(2, 4711);
  CHECK(house.loop.runUntilDone(house.service->whoIsShutOut(stranger, {})).error().kind == Error::Kind::denied);
}
