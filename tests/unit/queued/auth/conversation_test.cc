// Logins of several steps.
#include <catch2/catch.hpp>

#include "tests/unit/libmailcore/sasl/scram_client.h"
#include "tests/unit/queued/auth/house.h"

using namespace ostler;
using namespace ostler::queued::auth;
using LoginState = ipc::LoginReply::State;

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
