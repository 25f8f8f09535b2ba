// Who failed too often, and who never does: over all mechanisms.
#include <catch2/catch.hpp>

#include "tests/unit/libmailcore/sasl/scram_client.h"
#include "tests/unit/queued/auth/house.h"

using namespace ostler;
using namespace ostler::queued::auth;
using LoginState = ipc::LoginReply::State;

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
  // 1'790'000'000 is 14:13:20 UTC; fifteen minutes are rounded up to the whole minute.
  CHECK(house.login("alice", "secret", "198.51.100.1:1").told == "Too many failed logins: locked out until 14:29 UTC");
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

TEST_CASE("a login by an exempt client is let in and opens the account to nobody else") {
  House house;
  house.config->directory.lockoutExempt = {net::Cidr::parse("192.0.2.0/24").value()};
  for (int guess = 0; guess < 5; ++guess) (void)house.login("alice", "wrong", "198.51.100.1:4000");
  CHECK(house.login("alice", "secret", "192.0.2.9:4000").state == LoginState::succeeded);
  CHECK(house.login("alice", "wrong", "203.0.113.1:4000").reason == "locked-out");
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

TEST_CASE("a name that does not exist is locked out in the same words, and a wrong password alone gets none") {
  House house;
  for (int i = 0; i < 3; ++i) {
    for (const char* const name : {"alice", "nobody"}) CHECK(house.login(name, "wrong", "192.0.2." + std::to_string(i) + ":1").told.empty());
  }
  const std::string ofAlice = house.login("alice", "wrong", "198.51.100.1:1").told;
  CHECK_FALSE(ofAlice.empty());
  CHECK(house.login("nobody", "wrong", "198.51.100.1:1").told == ofAlice);
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
