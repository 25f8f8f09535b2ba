// Passwords: hashed off the loop, remembered for a while, and an answer that tells a stranger nothing.
#include <atomic>
#include <catch2/catch.hpp>

#include "tests/unit/queued/auth/house.h"

using namespace ostler;
using namespace ostler::queued::auth;
using LoginState = ipc::LoginReply::State;

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
