#include "pop3d/session.h"

#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "libmailcore/base/ascii.h"
#include "pop3d/commands.h"
#include "pop3d/content_writer.h"
#include "tests/unit/libmailcore/net/test_certificates.h"
#include "tests/unit/pop3d/house.h"

using namespace ostler;
using namespace ostler::pop3;
using namespace std::chrono_literals;

namespace {

const std::string kFirst = "Subject: one\r\n\r\nline 1\r\nline 2\r\nline 3\r\n";
const std::string kDots = "Subject: dots\r\n\r\n.one\r\n..two\r\n.\r\nend";
const std::string kHeaderAlone = "Subject: header alone\r\n";

Deadline soon() {
  return Deadline::after(10s);
}

/// Plays the client's side of a dialogue file and tells what went wrong; empty: nothing.
Task<std::string> play(net::Connection& client, std::vector<std::string> lines) {
  for (std::size_t at = 0; at < lines.size(); ++at) {
    const std::string& line = lines[at];
    const std::string where = "line " + std::to_string(at + 1) + ": ";
    if (line.starts_with("C: ")) {
      client.write(line.substr(3) + "\r\n");
    } else if (line.starts_with("S: ")) {
      const Result<std::string_view> heard = co_await client.readLine(10'000, soon());
      if (!heard) co_return where + heard.error().detail;
      if (!heard->starts_with(line.substr(3))) co_return where + "heard " + std::string(*heard);
    } else if (line == "closed") {
      const Result<std::string_view> heard = co_await client.readLine(10'000, soon());
      if (heard) co_return where + "still there: " + std::string(*heard);
      if (heard.error().kind != Error::Kind::closed) co_return where + heard.error().detail;
    }
  }
  co_return std::string();
}

Task<std::string> playWith(House& house, std::string from, std::vector<std::string> lines) {
  auto [session, client] = house.connect(from);
  TaskScope scope(house.loop);
  scope.spawn(session->run());
  std::string wrong = co_await play(*client, std::move(lines));
  client.reset();
  const Result<void> idle = co_await scope.whenIdle(soon());
  if (!idle && wrong.empty()) wrong = "the session did not end";
  co_return wrong;
}

std::vector<std::string> linesOf(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

void fill(House& house) {
  for (const std::string& content : {kFirst, kDots, kHeaderAlone}) house.put(content);
}

std::string stuffed(std::string_view content, std::size_t piece, std::optional<std::uint64_t> lines = {}) {
  DotStuffer stuffer(lines);
  std::string out;
  for (std::size_t at = 0; at < content.size(); at += piece) stuffer.add(content.substr(at, piece), out);
  stuffer.finish(out);
  return out;
}

}  // namespace

TEST_CASE("the dialogues of tests/dialogues/pop3 go as they are written") {
  std::size_t played = 0;
  for (const auto& entry : std::filesystem::directory_iterator("tests/dialogues/pop3")) {
    if (entry.path().extension() != ".dlg") continue;
    INFO(entry.path().string());
    House house;
    fill(house);
    std::vector<std::string> lines = linesOf(entry.path());
    std::string from = "127.0.0.1:1234";
    if (!lines.empty() && lines[0].starts_with("client: ")) from = lines[0].substr(8);
    CHECK(house.loop.runUntilDone(playWith(house, from, lines)) == "");
    ++played;
  }
  CHECK(played >= 12);
}

TEST_CASE("every command is refused in a state where the table does not have it") {
  for (const Command& command : kCommands) {
    INFO(command.verb);
    House house;
    fill(house);
    const std::string call = std::string(command.verb) +
                             (command.takes == Takes::nothing || command.takes == Takes::optionalText ? "" : " 1 1");
    if ((command.legalIn & kAuthorization) == 0) {
      CHECK(house.loop.runUntilDone(playWith(house, "127.0.0.1:1", {"S: +OK", "C: " + call, "S: -ERR Log in first"})) ==
            "");
    }
    if ((command.legalIn & kTransaction) == 0) {
      CHECK(house.loop.runUntilDone(playWith(house, "127.0.0.1:1",
                                             {"S: +OK", "C: USER alice", "S: +OK", "C: PASS secret", "S: +OK",
                                              "C: " + call, "S: -ERR You have"})) == "");
    }
  }
}

TEST_CASE("messages marked as deleted go at QUIT, all of them, and stay without it") {
  House house;
  fill(house);
  const std::vector<std::string> marked = {"S: +OK",    "C: USER alice", "S: +OK",    "C: PASS secret", "S: +OK",
                                           "C: DELE 1", "S: +OK",        "C: DELE 3", "S: +OK"};
  CHECK(house.loop.runUntilDone(playWith(house, "127.0.0.1:1", marked)) == "");
  CHECK(house.messages() == 3);
  std::vector<std::string> quit = marked;
  quit.insert(quit.end(), {"C: QUIT", "S: +OK", "closed"});
  CHECK(house.loop.runUntilDone(playWith(house, "127.0.0.1:1", quit)) == "");
  CHECK(house.messages() == 1);
}

TEST_CASE("the session of a user who is disabled or removed ends, and nothing that was marked is deleted") {
  House house;
  fill(house);
  auto [session, client] = house.connect();
  TaskScope scope(house.loop);
  scope.spawn(session->run());
  const std::vector<std::string> marked = {"S: +OK", "C: USER alice", "S: +OK", "C: PASS secret", "S: +OK", "C: DELE 1", "S: +OK"};
  REQUIRE(house.loop.runUntilDone(play(*client, marked)) == "");
  house.directory.disable("alice@example.test");
  CHECK(house.loop.runUntilDone(play(*client, {"S: -ERR [SYS/PERM]", "closed"})) == "");
  CHECK(house.messages() == 3);
}

TEST_CASE("a second session is told that the maildrop is in use, until the first has gone") {
  House house;
  fill(house);
  auto [first, firstClient] = house.connect();
  TaskScope scope(house.loop);
  scope.spawn(first->run());
  const std::vector<std::string> login = {"S: +OK", "C: USER alice", "S: +OK", "C: PASS secret", "S: +OK"};
  CHECK(house.loop.runUntilDone(play(*firstClient, login)) == "");
  CHECK(house.loop.runUntilDone(playWith(
            house, "127.0.0.1:1", {"S: +OK", "C: USER alice", "S: +OK", "C: PASS secret", "S: -ERR [IN-USE]"})) == "");
  CHECK(house.loop.runUntilDone(play(*firstClient, {"C: QUIT", "S: +OK", "closed"})) == "");
  CHECK(house.loop.runUntilDone(playWith(house, "127.0.0.1:1", login)) == "");
}

TEST_CASE("a message that another session removed is gone, and the others keep their numbers") {
  House house;
  fill(house);
  auto [session, client] = house.connect();
  TaskScope scope(house.loop);
  scope.spawn(session->run());
  CHECK(house.loop.runUntilDone(play(*client, {"S: +OK", "C: USER alice", "S: +OK", "C: PASS secret", "S: +OK"})) == "");
  house.remove(store::Uid{2});
  CHECK(house.loop.runUntilDone(play(*client, {"C: RETR 2", "S: -ERR The message is gone", "C: UIDL 2", "S: -ERR", "C: LIST 3", "S: +OK 3 23",
                                               "C: RETR 3", "S: +OK", "S: Subject: header alone", "S: .", "C: DELE 2", "S: +OK", "C: QUIT",
                                               "S: +OK", "closed"})) == "");
  CHECK(house.messages() == 2);
}

TEST_CASE("a client that reads on, back and in leaps gets each message it names") {
  House house;
  constexpr std::size_t kCount = 500;
  for (std::size_t i = 1; i <= kCount; ++i) house.put("Subject: number " + std::to_string(i) + "\r\n");
  std::vector<std::string> lines = {"S: +OK", "C: USER alice", "S: +OK", "C: PASS secret", "S: +OK", "C: DELE 130", "S: +OK"};
  const auto read = [&](std::size_t number) {
    lines.insert(lines.end(), {"C: RETR " + std::to_string(number), "S: +OK", "S: Subject: number " + std::to_string(number), "S: ."});
  };
  for (std::size_t number = 1; number <= kCount; ++number) {
    if (number != 130) read(number);
  }
  for (const std::size_t number : {1U, 499U, 128U, 129U, 131U, 256U, 257U, 500U, 70U, 300U}) read(number);
  CHECK(house.loop.runUntilDone(playWith(house, "127.0.0.1:1", lines)) == "");
}

TEST_CASE("a session that waits is told when the server goes down, and nothing is deleted") {
  House house;
  fill(house);
  auto [session, client] = house.connect();
  TaskScope scope(house.loop);
  scope.spawn(session->run());
  CHECK(house.loop.runUntilDone(play(
            *client, {"S: +OK", "C: USER alice", "S: +OK", "C: PASS secret", "S: +OK", "C: DELE 1", "S: +OK"})) == "");
  house.gate.close();
  CHECK(house.loop.runUntilDone(play(*client, {"S: -ERR [SYS/TEMP]", "closed"})) == "");
  CHECK(house.messages() == 3);
}

TEST_CASE("a large message with dots comes byte for byte, however it is cut into pieces") {
  std::string content = "Subject: large\r\n\r\n";
  while (content.size() < 300'000)
    content += content.size() % 3 == 0 ? ".dots\r\n" : "a line of text that is somewhat longer\r\n";
  const std::string whole = stuffed(content, content.size());
  for (const std::size_t piece : {1U, 7U, 4096U, 65536U}) CHECK(stuffed(content, piece) == whole);
  CHECK(stuffed("", 1) == ".\r\n");
  CHECK(stuffed("a", 1) == "a\r\n.\r\n");
  CHECK(stuffed("a\r", 1) == "a\r\n.\r\n");
  CHECK(stuffed(".\n.\n", 1) == "..\n..\n.\r\n");
  CHECK(stuffed("H: x\r\n\r\n1\r\n2\r\n3\r\n", 3, 2) == "H: x\r\n\r\n1\r\n2\r\n.\r\n");
  CHECK(stuffed("H: x\r\n\r\n1\r\n2\r\n", 5, 0) == "H: x\r\n\r\n.\r\n");
  CHECK(stuffed("H: x\r\n", 5, 0) == "H: x\r\n.\r\n");
}

TEST_CASE("STLS secures the session and forgets what was said before") {
  House house;
  fill(house);
  net::TestCertificates certificates;
  const auto context = net::TlsServerContext::load({certificates.leaf({"mail.example.test"})});
  REQUIRE(context);
  house.snapshot->tls = *context;
  int pair[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
  Session session(*house.worker, house.arrival(net::makeSocketStream(house.loop, UniqueFd(pair[0])), "192.0.2.1:1"));
  net::Connection client(house.loop, net::makeSocketStream(house.loop, UniqueFd(pair[1])));
  TaskScope scope(house.loop);
  scope.spawn(session.run());
  CHECK(house.loop.runUntilDone(play(client, {"S: +OK", "C: USER alice", "S: -ERR [AUTH]", "C: AUTH PLAIN",
                                              "S: -ERR [AUTH] No such", "C: STLS", "S: +OK"})) == "");
  net::TlsClientOptions options;
  options.serverName = "mail.example.test";
  options.context = net::TlsClientContext::load(certificates.caFile()).value();
  CHECK(house.loop.runUntilDone(client.startTlsAsClient(options, soon())));
  CHECK(house.loop.runUntilDone(
            play(client, {"C: PASS secret", "S: -ERR Send USER", "C: USER alice", "S: +OK", "C: PASS secret", "S: +OK",
                          "C: STLS", "S: -ERR", "C: QUIT", "S: +OK", "closed"})) == "");
}

TEST_CASE("a store that fails is told by [SYS/TEMP], the session goes on, and QUIT that could delete nothing deletes nothing") {
  House house;
  house.put(kFirst);
  house.put(kDots);
  const std::vector<std::string> login = {"S: +OK", "C: USER alice", "S: +OK", "C: PASS secret"};
  const auto with = [&login](std::vector<std::string> rest) {
    rest.insert(rest.begin(), login.begin(), login.end());
    return rest;
  };
  const Error broken{Error::Kind::temporary, "made to fail"};
  for (const char* const call : {"open", "lockMaildrop", "mailbox"}) {
    INFO(call);
    house.faults->next(call, broken);
    CHECK(house.loop.runUntilDone(playWith(house, "127.0.0.1:1", with({"S: -ERR [SYS/TEMP]"}))) == "");
  }
  house.faults->next("expunge", broken);
  CHECK(house.loop.runUntilDone(playWith(house, "127.0.0.1:1", with({"S: +OK", "C: DELE 1", "S: +OK", "C: QUIT", "S: -ERR [SYS/TEMP]", "closed"}))) == "");
  CHECK(house.messages() == 2);
  {
    auto [session, client] = house.connect();
    TaskScope scope(house.loop);
    scope.spawn(session->run());
    CHECK(house.loop.runUntilDone(play(*client, with({"S: +OK"}))) == "");
    house.faults->next("visit", broken);
    CHECK(house.loop.runUntilDone(play(*client, {"C: RETR 1", "S: -ERR [SYS/TEMP]", "C: RETR 1", "S: +OK", "S: Subject: one"})) == "");
    client.reset();
    CHECK(house.loop.runUntilDone(scope.whenIdle(soon())));
  }
  CHECK(house.loop.runUntilDone(playWith(house, "127.0.0.1:1", with({"S: +OK", "C: DELE 1", "S: +OK", "C: QUIT", "S: +OK", "closed"}))) == "");
  CHECK(house.messages() == 1);
}
