#include "libmailcore/net/connection.h"

#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <random>
#include <thread>

#include "libmailcore/net/listener.h"
#include "libmailcore/net/memory_stream.h"
#include "tests/unit/libmailcore/net/streams.h"

namespace ostler::net {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

struct Pair {
  using Ends = std::pair<std::unique_ptr<MemoryStream>, std::unique_ptr<MemoryStream>>;
  explicit Pair(Loop& loop, std::size_t capacity = 64 * 1024) : Pair(loop, MemoryStream::makePair(loop, capacity)) {}
  Pair(Loop& loop, Ends ends) : here(loop, std::move(ends.first)), there(loop, std::move(ends.second)) {}
  Connection here, there;
};

Task<std::string> linesUntilClosed(Connection& connection, std::size_t most) {
  std::string out;
  for (;;) {
    const Result<std::string_view> line = co_await connection.readLine(most, soon());
    if (!line && line.error().kind == Error::Kind::limit) {
      out += "[long]";
    } else if (!line) {
      co_return out;
    } else {
      out += "<" + std::string(*line) + (connection.bareLf() ? ">lf" : ">");
    }
  }
}

Task<void> readAhead(Pair& pair) {
  pair.there.write(std::string(60 * 1024, 'x') + "\r\n");
  pair.there.write("y\r\n");
  const Result<void> sent = co_await pair.there.flush(soon());
  REQUIRE(sent);
  const Result<std::string_view> first = co_await pair.here.readSome(1, soon());
  CHECK(first.value_or("") == "x");
  CHECK(pair.here.octetsIn() == 16 * 1024);
  const Result<std::string_view> rest = co_await pair.here.readSome(64 * 1024, soon());
  CHECK(rest.value_or("").size() == 16 * 1024 - 1);
  const Result<std::string_view> most = co_await pair.here.readSome(40 * 1024, soon());
  CHECK(most.value_or("").size() == 40 * 1024);
  CHECK(pair.here.octetsIn() == 56 * 1024);
  const Result<std::string_view> line = co_await pair.here.readLine(4096, soon());
  CHECK(line.value_or("") == std::string(4096, 'x'));
  CHECK(pair.here.hasBufferedInput());
}

TEST_CASE("no more is read ahead than 16 KiB, and content by as much as was asked for") {
  Loop loop;
  Pair pair(loop);
  loop.runUntilDone(readAhead(pair));
}

TEST_CASE("lines end at CRLF, a bare LF is noted, a line that is too long is read past") {
  const std::string text = "one\r\n\r\nbare\ncr\rin\r\n12345678\r\n123456789\r\nlast\r\nunfinished";
  // However the network cuts it.
  for (const std::size_t cut : {1U, 2U, 3U, 7U, 1000U}) {
    INFO(cut);
    Loop loop;
    Pair pair(loop);
    TaskScope scope(loop);
    scope.spawn([](Connection& to, std::string all, std::size_t size, Loop& on) -> Task<void> {
      for (std::size_t at = 0; at < all.size(); at += size) {
        to.write(std::string_view(all).substr(at, size));
        const Result<void> sent = co_await to.flush(soon());
        (void)sent;
        co_await on.yield();
      }
      to.shutdown();
    }(pair.there, text, cut, loop));
    CHECK(loop.runUntilDone(linesUntilClosed(pair.here, 8)) == "<one><><bare>lf<cr\rin><12345678>[long]<last>");
  }
}

TEST_CASE("an endless line costs no memory, and is told of again for each MiB of it") {
  Loop loop;
  Pair pair(loop, 1 << 20);
  TaskScope scope(loop);
  scope.spawn([](Connection& to) -> Task<void> {
    for (int i = 0; i < 200; ++i) {
      to.write(std::string(64 * 1024, 'x'));
      const Result<void> sent = co_await to.flush(soon());
      (void)sent;
    }
    to.write("\r\nnext\r\n");
    const Result<void> sent = co_await to.flush(soon());
    (void)sent;
    to.shutdown();
  }(pair.there));
  std::string expected = "<next>";  // of 12.5 MiB
  for (int told = 0; told < 13; ++told) expected.insert(0, "[long]");
  CHECK(loop.runUntilDone(linesUntilClosed(pair.here, 512)) == expected);
}

Task<std::string> interruptedThenLine(Connection& connection) {
  const Result<std::string_view> first = co_await connection.readLine(100, soon());
  std::string out = first ? "line" : first.error().kind == Error::Kind::interrupted ? "interrupted" : "error";
  const Result<std::string_view> second = co_await connection.readLine(100, soon());
  co_return out + " " + std::string(second.value_or("error"));
}

TEST_CASE("interruptRead ends a wait and loses nothing") {
  Loop loop;
  Pair pair(loop);
  TaskScope scope(loop);
  scope.spawn([](Loop& on, Pair& both) -> Task<void> {
    both.there.write("ha");
    const Result<void> sent = co_await both.there.flush(soon());
    co_await on.sleepUntil(Deadline::after(5ms));
    both.here.interruptRead();
    co_await on.sleepUntil(Deadline::after(5ms));
    both.there.write("lf\r\n");
    const Result<void> more = co_await both.there.flush(soon());
    (void)sent, (void)more;
  }(loop, pair));
  CHECK(loop.runUntilDone(interruptedThenLine(pair.here)) == "interrupted half");
}

Task<std::string> repliesThenRead(Connection& connection) {
  connection.write("250 one\r\n");
  connection.write("250 two\r\n");
  const Result<std::string_view> line = co_await connection.readLine(100, soon());
  co_return std::string(line.value_or("error"));
}

TEST_CASE("what was written is flushed before a wait for the peer") {
  Loop loop;
  Pair pair(loop);
  TaskScope scope(loop);
  scope.spawn([](Connection& client) -> Task<void> {
    const Result<std::string_view> one = co_await client.readLine(100, soon());
    const Result<std::string_view> two = co_await client.readLine(100, soon());
    client.write(one && two ? "QUIT\r\n" : "?\r\n");
    const Result<void> sent = co_await client.flush(soon());
    (void)sent;
  }(pair.there));
  CHECK(loop.runUntilDone(repliesThenRead(pair.here)) == "QUIT");
}

TEST_CASE("counted octets and lines mix, and unread puts back") {
  Loop loop;
  Pair pair(loop);
  pair.there.write("BDAT 5\r\nhello" "NOOP\r\n");
  CHECK(loop.runUntilDone(pair.there.flush(soon())));
  const auto dialogue = [](Connection& c) -> Task<std::string> {
    const Result<std::string_view> line = co_await c.readLine(100, soon());
    std::string out(line.value_or("?"));
    const Result<std::string> five = co_await c.readExactly(5, soon());
    out += "|" + five.value_or("?");
    const Result<std::string_view> some = co_await c.readSome(3, soon());
    out += "|" + std::string(some.value_or("?"));
    c.unread(3);
    const Result<std::string_view> last = co_await c.readLine(100, soon());
    co_return out + "|" + std::string(last.value_or("?"));
  };
  CHECK(loop.runUntilDone(dialogue(pair.here)) == "BDAT 5|hello|NOO|NOOP");
}

TEST_CASE("millions of pipelined lines run in bounded stack and let others run") {
  Loop loop;
  Pair pair(loop);
  TaskScope scope(loop);
  constexpr int kLines = 300'000;
  scope.spawn([](Connection& to) -> Task<void> {
    for (int i = 0; i < kLines / 1000; ++i) {
      for (int line = 0; line < 1000; ++line) to.write("NOOP\r\n");
      const Result<void> sent = co_await to.flush(soon());
      if (!sent) co_return;
    }
    to.shutdown();
  }(pair.there));
  const auto count = [](Connection& from) -> Task<int> {
    for (int lines = 0;; ++lines) {
      const Result<std::string_view> line = co_await from.readLine(100, soon());
      if (!line) co_return lines;
    }
  };
  CHECK(loop.runUntilDone(count(pair.here)) == kLines);
}

Task<Result<void>> sendTooMuch(Connection& connection) {
  connection.write(std::string(4 << 20, 'x'));
  const Result<void> sent = co_await connection.flush(Deadline::after(30ms));
  co_return sent;
}

TEST_CASE("a peer that does not read is given up at the deadline") {
  Loop loop;
  auto [here, there] = socketPair(loop);
  Connection connection(loop, std::move(here));
  const Result<void> sent = loop.runUntilDone(sendTooMuch(connection));
  REQUIRE_FALSE(sent);
  CHECK(sent.error().kind == Error::Kind::timeout);
}

TEST_CASE("writing to a peer that went away is an error, not a signal") {
  Loop loop;
  auto [here, there] = socketPair(loop);
  Connection connection(loop, std::move(here));
  there.reset();
  const Result<void> sent = loop.runUntilDone(sendTooMuch(connection));
  REQUIRE_FALSE(sent);
  CHECK(sent.error().kind == Error::Kind::closed);
}

// ---- listeners

TEST_CASE("connections are accepted on IPv4, IPv6 and Unix sockets, with the peer's address") {
  TestCertificates folder;  // for its temporary folder
  for (const std::string& at : {"127.0.0.1:0"s, "[::1]:0"s, folder.caFile() + ".sock"}) {
    INFO(at);
    Loop loop;
    Result<UniqueFd> socket = listenOn(Endpoint::parse(at).value());
    REQUIRE(socket);
    std::vector<std::unique_ptr<Stream>> accepted;
    Endpoint peer;
    Listener listener(loop, std::move(*socket), [&](std::unique_ptr<Stream> stream, Endpoint from) {
      accepted.push_back(std::move(stream));
      peer = std::move(from);
    });
    const auto dialogue = [](Loop& on, Endpoint to, std::vector<std::unique_ptr<Stream>>& in) -> Task<std::string> {
      Result<std::unique_ptr<Stream>> client = co_await connectTo(on, to, std::nullopt, soon());
      if (!client) co_return client.error().detail;
      while (in.empty()) co_await on.sleepUntil(Deadline::after(1ms));
      Connection server(on, std::move(in.front()));
      Connection mine(on, std::move(*client));
      server.write("220 hello\r\n");
      const Result<void> sent = co_await server.flush(soon());
      const Result<std::string_view> line = co_await mine.readLine(100, soon());
      co_return std::string(sent ? line.value_or("error") : "not sent");
    };
    CHECK(loop.runUntilDone(dialogue(loop, listener.local(), accepted)) == "220 hello");
    CHECK(peer.unixPath.empty() == (at[0] != '/'));
    if (at[0] != '/') CHECK(peer.address == listener.local().address);
  }
}

TEST_CASE("a stale socket file is replaced, one that somebody listens at is not") {
  TestCertificates folder;
  const Endpoint at = Endpoint::parse(folder.caFile() + ".sock").value();
  {
    const Result<UniqueFd> first = listenOn(at, 0660);
    REQUIRE(first);
    const Result<UniqueFd> second = listenOn(at);
    REQUIRE_FALSE(second);
    CHECK(second.error().kind == Error::Kind::exists);
  }
  CHECK(listenOn(at, 0660));
  CHECK(std::filesystem::status(at.unixPath).permissions() == std::filesystem::perms(0660));
  CHECK(listenOn(Endpoint::parse(folder.caFile()).value_or(Endpoint())).error().kind == Error::Kind::exists);
  CHECK(std::filesystem::exists(folder.caFile()));
}

TEST_CASE("workers share a TCP address, but not with somebody who was there before") {
  for (const char* any : {"127.0.0.1:0", "[::1]:0"}) {
    Result<UniqueFd> first = listenOn(Endpoint::parse(any).value());
    REQUIRE(first);
    const Endpoint at = localEndpoint(first->get()).value();
    const Result<UniqueFd> stranger = listenOn(at);
    REQUIRE_FALSE(stranger);
    CHECK(stranger.error().kind == Error::Kind::exists);
    Result<UniqueFd> second = listenOn(at, 0, Sharing::further);
    REQUIRE(second);
    Loop loop;
    std::array<int, 2> accepted{};
    Listener one(loop, std::move(*first), [&](std::unique_ptr<Stream>, const Endpoint&) { ++accepted[0]; });
    Listener two(loop, std::move(*second), [&](std::unique_ptr<Stream>, const Endpoint&) { ++accepted[1]; });
    const auto knock = [](Loop& on, Endpoint to, std::array<int, 2>& counts) -> Task<void> {
      for (int i = 0; i < 200 && (counts[0] == 0 || counts[1] == 0); ++i) {
        const Result<std::unique_ptr<Stream>> stream = co_await connectTo(on, to, std::nullopt, soon());
        REQUIRE(stream);
        co_await on.sleepUntil(Deadline::after(1ms));
      }
    };
    loop.runUntilDone(knock(loop, at, accepted));
    CHECK(accepted[0] > 0);
    CHECK(accepted[1] > 0);
  }
}

TEST_CASE("connecting where nobody listens is temporary") {
  Loop loop;
  Result<UniqueFd> socket = listenOn(Endpoint::parse("127.0.0.1:0").value());
  const Endpoint nowhere = localEndpoint(socket->get()).value();
  socket->reset();
  const auto refused = loop.runUntilDone(connectTo(loop, nowhere, std::nullopt, soon()));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == Error::Kind::temporary);
  CHECK(refused.error().detail.find("refused") != std::string::npos);
}

// ---- many at once

Task<void> chattyServer(Loop& loop, std::unique_ptr<Stream> stream, std::shared_ptr<const TlsServerContext> context) {
  Connection connection(loop, std::move(stream));
  if (context) {
    const Result<void> secured = co_await connection.startTlsAsServer(std::move(context), soon());
    if (!secured) co_return;
  }
  for (;;) {
    const Result<std::string_view> line = co_await connection.readLine(1000, soon());
    if (!line) co_return;
    connection.write("250 " + std::string(*line) + "\r\n");
  }
}

Task<void> chattyClient(Loop& loop, Endpoint to, std::optional<TlsClientOptions> tls, unsigned seed, long& echoed) {
  std::mt19937 random(seed);
  Result<std::unique_ptr<Stream>> stream = co_await connectTo(loop, to, std::nullopt, soon());
  if (!stream) co_return;
  Connection connection(loop, std::move(*stream));
  if (tls) {
    const Result<void> secured = co_await connection.startTlsAsClient(std::move(*tls), soon());
    if (!secured) co_return;
  }
  for (int i = 0; i < 200; ++i) {
    const std::string text(random() % 900, static_cast<char>('a' + i % 26));
    connection.write(text + "\r\n");
    const Result<std::string_view> reply = co_await connection.readLine(1000, Deadline::after(std::chrono::milliseconds(random() % 50)));
    if (!reply) co_return;
    if (*reply == "250 " + text) ++echoed;
  }
}

Task<long> manySessions(Loop& loop, Endpoint to, std::optional<TlsClientOptions> tls, unsigned seed, unsigned count) {
  std::mt19937 random(seed);
  long echoed = 0;
  std::vector<std::unique_ptr<TaskScope>> clients;
  for (unsigned i = 0; i < count; ++i) {
    clients.push_back(std::make_unique<TaskScope>(loop));
    clients.back()->spawn(chattyClient(loop, to, tls, static_cast<unsigned>(random()), echoed));
    if (random() % 3 == 0) co_await loop.yield();
    if (random() % 4 == 0) clients.erase(clients.begin() + static_cast<std::ptrdiff_t>(random() % clients.size()));
  }
  while (!clients.empty()) {
    co_await loop.sleepUntil(Deadline::after(std::chrono::microseconds(random() % 500)));
    for (int i = 0; i < 10 && !clients.empty(); ++i) {
      clients.erase(clients.begin() + static_cast<std::ptrdiff_t>(random() % clients.size()));
    }
  }
  co_return echoed;
}

// A server loop and a client loop on two threads; sessions end by the client's cancellation, by deadlines or by the server's end.
long sessionsOnTwoLoops(const std::shared_ptr<const TlsServerContext>& context, const std::optional<TlsClientOptions>& options,
                        unsigned count) {
  std::signal(SIGPIPE, SIG_IGN);
  Loop serverLoop;
  Loop clientLoop;
  Result<UniqueFd> socket = listenOn(Endpoint::parse("127.0.0.1:0").value());
  const Endpoint at = localEndpoint(socket->get()).value();
  std::thread server([&, listening = std::move(*socket)]() mutable {
    TaskScope scope(serverLoop);
    Listener listener(serverLoop, std::move(listening), [&](std::unique_ptr<Stream> stream, const Endpoint&) {
      scope.spawn(chattyServer(serverLoop, std::move(stream), context));
    });
    serverLoop.run();
  });
  const long echoed = clientLoop.runUntilDone(manySessions(clientLoop, at, options, 1, count));
  serverLoop.stop();
  server.join();
  return echoed;
}

TEST_CASE("thousands of plain sessions over sockets survive cancellation at random moments") {
  CHECK(sessionsOnTwoLoops(nullptr, std::nullopt, 2000) > 100);
}

TEST_CASE("a thousand TLS sessions over sockets survive cancellation at random moments") {
  TestCertificates certificates;
  const auto context = TlsServerContext::load({certificates.leaf({"mail.example.test"})}).value();
  CHECK(sessionsOnTwoLoops(context, clientOf(certificates, "mail.example.test"), 1000) > 0);
}

}  // namespace
}  // namespace ostler::net
