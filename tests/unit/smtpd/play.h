// play.h - one session on a stage, and what its client says and hears line by line.
#pragma once

#include <sys/socket.h>

#include <catch2/catch.hpp>

#include "tests/unit/smtpd/stage.h"

namespace ostler::smtpd {

struct Play {
  Stage stage;
  std::unique_ptr<Session> session;
  std::unique_ptr<Caller> caller;
  std::unique_ptr<TaskScope> scope;
  bool ended = false;

  void begin() {
    auto [server, client] = net::MemoryStream::makePair(stage.loop);
    begin(std::move(server), std::move(client));
  }
  void beginOnSockets() {
    int pair[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    begin(net::makeSocketStream(stage.loop, UniqueFd(pair[0])), net::makeSocketStream(stage.loop, UniqueFd(pair[1])));
  }
  void begin(std::unique_ptr<net::Stream> server, std::unique_ptr<net::Stream> client) {
    session = std::make_unique<Session>(stage.around, stage.arrival(std::move(server)));
    caller = std::make_unique<Caller>(stage.loop, std::move(client));
    scope = std::make_unique<TaskScope>(stage.loop);
    scope->spawn(runAndTell(*session, ended));
  }
  static Task<void> runAndTell(Session& session, bool& ended) {
    co_await session.run();
    ended = true;
  }
  std::string expect(const std::string& line, const std::string& start) {
    const auto reply =
        line.empty() ? stage.loop.runUntilDone(caller->reply()) : stage.loop.runUntilDone(caller->ask(line));
    const std::string got = reply ? reply->oneLine() : "closed";
    CHECK(got.substr(0, start.size()) == start);
    return got;
  }
  void openMail() {
    expect("", "220");
    expect("EHLO x.example", "250");
    expect("MAIL FROM:<a@b.example>", "250");
    expect("RCPT TO:<alice@example.test>", "250");
  }
};

}  // namespace ostler::smtpd
