// Hundreds of sessions that end at random moments, on the store of this machine with its threads: inside a literal, while a FETCH or a
// SEARCH runs on the pool, while a change waits for its sync, in IDLE.
#include <catch2/catch.hpp>
#include <random>

#include "tests/unit/imapd/house.h"
#include "tests/unit/support/cut_short.h"
#include "tests/unit/support/one_account_store.h"

namespace ostler::imap {
namespace {

constexpr std::string_view kEnd = "the end";

std::string contentOf(const std::string& token, std::size_t lines) {
  std::string content = "Subject: " + token + "\r\n\r\n";
  for (std::size_t n = 0; n < lines; ++n) content += "line " + std::to_string(n) + "\r\n";
  return content.append(kEnd).append("\r\n");
}

/// A client, one command at a time.
class Caller {
 public:
  explicit Caller(std::unique_ptr<net::Connection> connection) : connection_(std::move(connection)) {}

  Task<bool> send(std::string octets) {
    connection_->write(std::move(octets));
    const Result<void> sent = co_await connection_->flush(Deadline::never());
    co_return sent.has_value();
  }
  /// The tagged line; what came before it is kept. Empty: the server is gone.
  Task<std::string> ask(std::string command) {
    const std::string tag = "t" + std::to_string(++commands_);
    const bool sent = co_await send(tag + " " + command + "\r\n");
    said.clear();
    while (sent) {
      const Result<std::string_view> line = co_await connection_->readLine(1U << 20, Deadline::never());
      if (!line) break;
      if (line->starts_with(tag + " ")) co_return std::string(*line);
      said.append(*line).append("\r\n");
    }
    co_return std::string();
  }
  std::string said;

 private:
  std::unique_ptr<net::Connection> connection_;
  unsigned commands_ = 0;
};

std::string appendOf(const std::string& content) { return "APPEND INBOX {" + std::to_string(content.size()) + "+}\r\n" + content; }

Task<void> useMail(std::unique_ptr<net::Connection> connection, unsigned seed, std::vector<std::string>& acknowledged) {
  const std::vector<std::string> commands = {"FETCH 1:* (FLAGS BODY.PEEK[])", "SEARCH TEXT line", "STORE 1:* +FLAGS (\\Seen)", "COPY 1:* Archive",
                                             "FETCH 1:* (ENVELOPE BODYSTRUCTURE)", "SEARCH SUBJECT 1", "NOOP", "IDLE\r\nDONE", "STATUS Archive (MESSAGES)"};
  std::mt19937 random(seed);
  Caller caller(std::move(connection));
  const std::string in = co_await caller.ask("LOGIN alice secret");
  const std::string selected = co_await caller.ask("SELECT INBOX");
  for (int n = 0; !selected.empty() && n < 8; ++n) {
    const std::string answer = co_await caller.ask(commands[random() % commands.size()]);
    if (answer.empty()) co_return;
    if (random() % 3 != 0) continue;
    const std::string token = std::to_string(seed) + "/" + std::to_string(n);
    const std::string append = appendOf(contentOf(token, random() % 10 == 0 ? 20'000 : random() % 50));
    if (random() % 8 == 0) {
      const bool sent = co_await caller.send("x " + append.substr(0, random() % append.size()));
      (void)sent;
      co_return;  // hangs up inside the literal
    }
    const std::string stored = co_await caller.ask(append);
    if (stored.find(" OK ") != std::string::npos) acknowledged.push_back(token);
  }
}

Task<std::string> everything(std::unique_ptr<net::Connection> connection) {
  Caller caller(std::move(connection));
  const std::string in = co_await caller.ask("LOGIN alice secret");
  const std::string selected = co_await caller.ask("SELECT INBOX");
  const std::string fetched = co_await caller.ask("FETCH 1:* BODY.PEEK[]");
  co_return fetched.empty() ? std::string() : std::move(caller.said);
}

std::size_t timesIn(std::string_view text, std::string_view what) {
  std::size_t times = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + what.size())) ++times;
  return times;
}

TEST_CASE("hundreds of sessions that end at random moments lose nothing they said OK to, and leave no message in part") {
  std::mt19937 random(9051);
  House house(net::IpAddress::v4({127, 0, 0, 1}), [](Loop& loop) { return std::make_unique<test::OneAccountStore>(loop); });
  std::vector<std::string> acknowledged;
  for (unsigned wave = 0; wave < 6; ++wave) {
    std::vector<test::Life<Session>> lives;
    for (unsigned n = 0; n < 50; ++n) {
      auto [session, client] = house.connect();
      lives.push_back(test::begin(house.loop(), std::move(session), useMail(std::move(client), wave * 1000 + n, acknowledged)));
    }
    test::cutShort(house.loop(), std::move(lives), random);
  }
  auto [session, client] = house.connect();
  TaskScope last(house.loop());
  last.spawn(session->run());
  const std::string all = house.loop().runUntilDone(everything(std::move(client)));
  for (const std::string& token : acknowledged) CHECK(timesIn(all, "Subject: " + token + "\r\n") == 1);
  CHECK(timesIn(all, "Subject: ") == timesIn(all, std::string(kEnd) + "\r\n"));
  CHECK(acknowledged.size() > 20);
  CHECK(house.appendOctets() == 0);
}

}  // namespace
}  // namespace ostler::imap
