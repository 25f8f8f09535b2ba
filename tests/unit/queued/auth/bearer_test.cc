// Bearer tokens that an authorization server is asked about.
#include <catch2/catch.hpp>

#include "tests/unit/queued/auth/house.h"

using namespace ostler;
using namespace ostler::queued::auth;
using LoginState = ipc::LoginReply::State;

namespace {

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

Task<Result<ipc::Introspected>> neverAnswer(Loop& loop) {
  co_await loop.sleepUntil(Deadline::never());
  co_return fail(Error::Kind::timeout, "never");
}

}  // namespace

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
