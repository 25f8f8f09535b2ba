// Hundreds of sessions that end at random moments, on the store of this machine with its threads. A session that does not come to QUIT
// deletes nothing, one that is told OK has deleted what it named. RFC 1939 6.
#include <catch2/catch.hpp>
#include <random>
#include <set>

#include "tests/unit/pop3d/house.h"
#include "tests/unit/support/cut_short.h"
#include "tests/unit/support/one_account_store.h"

namespace ostler::pop3 {
namespace {

class Client {
 public:
  explicit Client(std::unique_ptr<net::Connection> connection) : connection_(std::move(connection)) {}
  /// The status line; the lines behind it are kept. Empty: the server is gone.
  Task<std::string> ask(std::string command, bool isLong = false) {
    if (!command.empty()) connection_->write(command + "\r\n");
    const Result<void> sent = co_await connection_->flush(Deadline::never());
    if (!sent) co_return std::string();
    const std::string status = co_await line();
    lines.clear();
    while (isLong && status.starts_with("+OK")) {
      std::string next = co_await line();
      if (next.empty() || next == ".\r\n") break;
      lines.push_back(std::move(next));
    }
    co_return status;
  }
  std::vector<std::string> lines;

 private:
  Task<std::string> line() {
    const Result<std::string_view> read = co_await connection_->readLine(4096, Deadline::never());
    co_return read ? std::string(*read) + "\r\n" : std::string();
  }
  std::unique_ptr<net::Connection> connection_;
};

Task<void> fetchMail(std::unique_ptr<net::Connection> connection, unsigned seed, std::set<std::string>& named, std::set<std::string>& gone) {
  std::mt19937 random(seed);
  Client client(std::move(connection));
  const std::string greeting = co_await client.ask("");
  const std::string user = co_await client.ask("USER alice");
  const std::string in = co_await client.ask("PASS secret");
  const std::string listed = co_await client.ask("UIDL", true);
  const std::vector<std::string> uidls = client.lines;
  if (!in.starts_with("+OK") || uidls.empty()) co_return;
  const std::string& one = uidls[random() % uidls.size()];
  const std::string number = one.substr(0, one.find(' '));
  const std::string read = co_await client.ask((random() % 2 == 0 ? "RETR " + number : "TOP " + number + " 3"), true);
  if (!read.starts_with("+OK") || random() % 4 != 0) co_return;
  const std::string deleted = co_await client.ask("DELE " + number);
  if (!deleted.starts_with("+OK")) co_return;
  const std::string uidl = one.substr(one.find(' ') + 1);
  named.insert(uidl);
  const std::string bye = co_await client.ask("QUIT");
  if (bye.starts_with("+OK")) gone.insert(uidl);
}

Task<std::vector<std::string>> uidlsLeft(std::unique_ptr<net::Connection> connection) {
  Client client(std::move(connection));
  const std::string greeting = co_await client.ask("");
  const std::string user = co_await client.ask("USER alice");
  const std::string in = co_await client.ask("PASS secret");
  const std::string listed = co_await client.ask("UIDL", true);
  std::vector<std::string> uidls;
  for (const std::string& line : client.lines) uidls.push_back(line.substr(line.find(' ') + 1));
  co_return uidls;
}

TEST_CASE("hundreds of sessions that end at random moments delete what they were told is deleted, and nothing else") {
  std::mt19937 random(1939);
  House house([](Loop& loop) { return std::make_unique<test::OneAccountStore>(loop); });
  constexpr std::size_t kMessages = 300;
  for (std::size_t n = 0; n < kMessages; ++n) house.put("Subject: " + std::to_string(n) + "\r\n\r\n" + std::string(random() % 20'000, 'x') + "\r\n");
  std::set<std::string> named, gone;
  for (unsigned wave = 0; wave < 10; ++wave) {
    std::vector<test::Life<Session>> lives;
    for (unsigned n = 0; n < 30; ++n) {
      auto [session, client] = house.connect();
      lives.push_back(test::begin(house.loop, std::move(session), fetchMail(std::move(client), wave * 1000 + n, named, gone)));
    }
    test::cutShort(house.loop, std::move(lives), random);
  }
  for (unsigned n = 0; gone.empty() && n < 100; ++n) {  // all were cut short before they were told: some are let alone
    auto [session, client] = house.connect();
    TaskScope alone(house.loop);
    alone.spawn(session->run());
    house.loop.runUntilDone(fetchMail(std::move(client), n, named, gone));
  }
  auto [session, client] = house.connect();
  TaskScope last(house.loop);
  last.spawn(session->run());
  const std::vector<std::string> left = house.loop.runUntilDone(uidlsLeft(std::move(client)));
  for (const std::string& uidl : left) CHECK_FALSE(gone.contains(uidl));
  CHECK(left.size() <= kMessages - gone.size());
  CHECK(left.size() >= kMessages - named.size());
  CHECK(!gone.empty());
}

}  // namespace
}  // namespace ostler::pop3
