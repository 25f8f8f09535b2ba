// house.h - role auth on one loop: example.test with three users, a clock of the test's, and logins as values.
#pragma once

#include <unistd.h>

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "libmailcore/ipc/directory.h"
#include "libmailcore/ipc/introspection.h"
#include "libmailcore/ipc/login.h"
#include "queued/auth/auth_service.h"
#include "tests/unit/libmailcore/directory/temporary_directory.h"

namespace ostler::queued::auth {

struct FakeConnection final : ipc::ServerConnection {
  explicit FakeConnection(std::uint64_t number, uid_t uid = ::geteuid()) : number_(number) { peer_.uid = uid; }
  const ipc::PeerCredentials& peer() const override { return peer_; }
  std::uint64_t id() const override { return number_; }
  ipc::PeerCredentials peer_;
  std::uint64_t number_;
};

inline sasl::VerifierOptions cheap() {
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

inline Task<void> note(AuthService& service, std::shared_ptr<FakeConnection> from, ipc::LoginStart start, std::vector<ipc::LoginReply>& into) {
  const auto answer = co_await service.loginStart(std::move(from), std::move(start));
  if (answer) into.push_back(answer->message);
}
inline Task<void> waitForAnswers(Loop& loop, const std::vector<ipc::LoginReply>& answers, std::size_t least) {
  while (answers.size() < least) co_await loop.sleepUntil(Deadline::after(std::chrono::milliseconds(1)));
}

}  // namespace ostler::queued::auth
