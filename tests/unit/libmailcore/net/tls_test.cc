#include "libmailcore/net/tls.h"

#include <openssl/ssl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <thread>

#include "libmailcore/base/random.h"
#include "libmailcore/net/connection.h"
#include "libmailcore/net/listener.h"
#include "tests/unit/libmailcore/net/streams.h"

namespace ostler::net {
namespace {

using namespace std::chrono_literals;

struct TlsOutcome {
  Result<void> server = fail(Error::Kind::temporary, "not run");
  Result<void> client = fail(Error::Kind::temporary, "not run");
  TlsInfo serverInfo, clientInfo;
  std::string heard;
};

Task<void> tlsServer(Connection connection, std::shared_ptr<const TlsServerContext> context, TlsOutcome& out, Signal& done) {
  out.server = co_await connection.startTlsAsServer(std::move(context), soon());
  if (out.server) {
    out.serverInfo = *connection.tls();
    const Result<std::string_view> line = co_await connection.readLine(100'000, soon());
    out.heard = line.value_or("error");
    connection.write(std::string(300'000, 'y') + "\r\n");
    const Result<void> sent = co_await connection.flush(soon());
    (void)sent;
    connection.shutdown();
  }
  done.set();
}

Task<void> tlsClient(Connection connection, TlsClientOptions options, TlsOutcome& out) {
  out.client = co_await connection.startTlsAsClient(std::move(options), soon());
  if (!out.client) co_return;
  out.clientInfo = *connection.tls();
  connection.write(std::string(50'000, 'x') + "\r\n");
  const Result<std::string_view> line = co_await connection.readLine(1'000'000, soon());
  if (!line || line->size() != 300'000) out.client = fail(Error::Kind::closed, "answer missing");
  const Result<std::string_view> end = co_await connection.readSome(10, soon());
  if (!end || !end->empty()) out.client = fail(Error::Kind::closed, "no close_notify");
}

TlsOutcome talk(const std::shared_ptr<const TlsServerContext>& server, TlsClientOptions options) {
  std::signal(SIGPIPE, SIG_IGN);
  Loop loop;
  TlsOutcome out;
  Signal done(loop);
  auto [here, there] = socketPair(loop);
  TaskScope scope(loop);
  scope.spawn(tlsServer(Connection(loop, std::move(here)), server, out, done));
  loop.runUntilDone(tlsClient(Connection(loop, std::move(there)), std::move(options), out));
  CHECK(loop.runUntilDone(done.wait(soon())));
  return out;
}

TEST_CASE("TLS 1.3 talks in both directions, and both ends agree on the channel bindings") {
  TestCertificates certificates;
  const auto server = TlsServerContext::load({certificates.leaf({"mail.example.test"})}).value();
  const TlsOutcome out = talk(server, clientOf(certificates, "mail.example.test"));
  REQUIRE(out.client);
  REQUIRE(out.server);
  CHECK(out.heard.size() == 50'000);
  CHECK(out.serverInfo.protocol == "TLSv1.3");
  CHECK(out.serverInfo.serverName == "mail.example.test");
  CHECK(out.clientInfo.peerVerified);
  CHECK(out.serverInfo.tlsExporter.size() == 32);
  CHECK(out.serverInfo.tlsExporter == out.clientInfo.tlsExporter);
  CHECK(out.serverInfo.serverEndPoint.size() == 32);
  CHECK(out.serverInfo.serverEndPoint == out.clientInfo.serverEndPoint);
}

TEST_CASE("the certificate is chosen by the name the client asks for") {
  TestCertificates certificates;
  const auto server = TlsServerContext::load({certificates.leaf({"first.example.test"}),
                                              certificates.leaf({"second.example.test", "also.example.test"}),
                                              certificates.leaf({"*.wild.example.test"})})
                          .value();
  for (const char* name : {"first.example.test", "SECOND.example.test", "also.example.test", "x.wild.example.test"}) {
    INFO(name);
    CHECK(talk(server, clientOf(certificates, name)).client);
  }
  for (const char* name : {"other.example.test", "wild.example.test", "a.b.wild.example.test"}) {
    INFO(name);
    const TlsOutcome out = talk(server, clientOf(certificates, name));
    REQUIRE_FALSE(out.client);
    CHECK(out.client.error().kind == Error::Kind::permanent);
  }
}

TEST_CASE("opportunistic TLS accepts any certificate and does not call the peer verified") {
  TestCertificates certificates;
  TestCertificates strangers;
  const auto server = TlsServerContext::load({certificates.leaf({"mail.example.test"})}).value();
  TlsClientOptions options = clientOf(strangers, "other.example.test");
  CHECK_FALSE(talk(server, options).client);
  options.verify = TlsVerify::none;
  const TlsOutcome out = talk(server, options);
  REQUIRE(out.client);
  CHECK_FALSE(out.clientInfo.peerVerified);
}

TEST_CASE("DANE-EE decides by the key alone: RFC 7672 3.1.1") {
  TestCertificates certificates;
  TestCertificates strangers;
  const CertificateFiles leaf = certificates.leaf({"whatever.example.test"});
  const auto server = TlsServerContext::load({leaf}).value();
  TlsClientOptions options = clientOf(strangers, "mx.example.test");
  options.verify = TlsVerify::dane;
  options.tlsa = {TestCertificates::tlsaOf(leaf)};
  const TlsOutcome good = talk(server, options);
  REQUIRE(good.client);
  CHECK(good.clientInfo.peerVerified);
  options.tlsa[0].data[0] = static_cast<char>(options.tlsa[0].data[0] ^ 1);
  CHECK(talk(server, options).client.error().kind == Error::Kind::permanent);
  options.tlsa[0].usage = 1;
  CHECK(talk(server, options).client.error().kind == Error::Kind::permanent);
}

TEST_CASE("a client's certificate is asked for and verified, but not required") {
  TestCertificates certificates;
  TestCertificates strangers;
  const auto server = TlsServerContext::load({certificates.leaf({"mail.example.test"})}, certificates.caFile()).value();
  TlsClientOptions options = clientOf(certificates, "mail.example.test");
  CHECK_FALSE(talk(server, options).serverInfo.peerVerified);
  options.context = TlsClientContext::load(certificates.caFile(), certificates.leaf({"alice.example.test"})).value();
  const TlsOutcome known = talk(server, options);
  CHECK(known.serverInfo.peerVerified);
  CHECK(known.serverInfo.peerName == "/CN=alice.example.test");
  options.context = TlsClientContext::load(certificates.caFile(), strangers.leaf({"alice.example.test"})).value();
  const TlsOutcome unknown = talk(server, options);
  CHECK(unknown.server);
  CHECK_FALSE(unknown.serverInfo.peerVerified);
}

TEST_CASE("a certificate that cannot be loaded is named with what is wrong") {
  TestCertificates certificates;
  const CertificateFiles one = certificates.leaf({"a.example.test"});
  const CertificateFiles two = certificates.leaf({"b.example.test"});
  const auto mismatch = TlsServerContext::load({{one.certificate, two.key}});
  REQUIRE_FALSE(mismatch);
  CHECK(mismatch.error().detail.find(two.key) != std::string::npos);
  const auto missing = TlsServerContext::load({{"/nonexistent/x.pem", two.key}});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().detail.find("/nonexistent/x.pem") != std::string::npos);
}

Task<Result<void>> startTlsWithLeftovers(Connection& server, std::shared_ptr<const TlsServerContext> context) {
  const Result<std::string_view> command = co_await server.readLine(100, soon());
  if (!command) co_return fail(command.error());
  server.write("220 Go ahead\r\n");
  const Result<void> started = co_await server.startTlsAsServer(std::move(context), soon());
  co_return started;
}

TEST_CASE("commands sent in clear text behind STARTTLS are refused: RFC 3207 4.2") {
  TestCertificates certificates;
  Loop loop;
  auto [here, there] = socketPair(loop);
  Connection server(loop, std::move(here));
  Connection client(loop, std::move(there));
  client.write("STARTTLS\r\nMAIL FROM:<evil@example.test>\r\n");
  REQUIRE(loop.runUntilDone(client.flush(soon())));
  const auto context = TlsServerContext::load({certificates.leaf({"mail.example.test"})}).value();
  const Result<void> started = loop.runUntilDone(startTlsWithLeftovers(server, context));
  REQUIRE_FALSE(started);
  CHECK(started.error().kind == Error::Kind::syntax);
}

TEST_CASE("a handshake that never comes ends at the deadline, and the connection stays usable as a closed one") {
  TestCertificates certificates;
  Loop loop;
  auto [here, there] = socketPair(loop);
  Connection server(loop, std::move(here));
  const auto context = TlsServerContext::load({certificates.leaf({"mail.example.test"})}).value();
  const Result<void> started = loop.runUntilDone(server.startTlsAsServer(context, Deadline::after(20ms)));
  CHECK(started.error().kind == Error::Kind::timeout);
  CHECK(loop.runUntilDone(server.readLine(10, soon())).error().kind == Error::Kind::closed);
  CHECK(server.tls() == nullptr);
}

Task<Result<std::string>> echoOnce(Connection& client, Connection& server) {
  client.write("ping\r\n");
  const Result<void> sent = co_await client.flush(soon());
  if (!sent) co_return fail(sent.error());
  const Result<std::string_view> line = co_await server.readLine(100, soon());
  if (!line) co_return fail(line.error());
  co_return std::string(*line);
}

TEST_CASE("a session lives on when its listener's certificates are loaded anew") {
  TestCertificates certificates;
  Loop loop;
  auto [here, there] = socketPair(loop);
  Connection server(loop, std::move(here));
  Connection client(loop, std::move(there));
  auto context = TlsServerContext::load({certificates.leaf({"mail.example.test"})}).value();
  TaskScope scope(loop);
  scope.spawn([](Connection& c, TlsClientOptions options) -> Task<void> {
    const Result<void> started = co_await c.startTlsAsClient(std::move(options), soon());
    (void)started;
  }(client, clientOf(certificates, "mail.example.test")));
  REQUIRE(loop.runUntilDone(server.startTlsAsServer(context, soon())));
  REQUIRE(loop.runUntilDone(scope.whenIdle(soon())));
  context = TlsServerContext::load({certificates.leaf({"new.example.test"})}).value();
  CHECK(loop.runUntilDone(echoOnce(client, server)).value() == "ping");
  CHECK(talk(context, clientOf(certificates, "new.example.test")).client);
}

TEST_CASE("a file is sent over plain sockets and over TLS octet by octet the same") {
  TestCertificates certificates;
  const std::string content = randomOctets(700'001);
  UniqueFd file(memfd_create("content", MFD_CLOEXEC));
  REQUIRE(write(file.get(), content.data(), content.size()) == static_cast<ssize_t>(content.size()));
  const auto context = TlsServerContext::load({certificates.leaf({"mail.example.test"})}).value();
  for (const bool secured : {false, true}) {
    INFO(secured);
    Loop loop;
    auto [here, there] = socketPair(loop);
    Connection client(loop, std::move(there));
    TaskScope scope(loop);
    scope.spawn([](Connection server, std::shared_ptr<const TlsServerContext> tls, bool with, int fd) -> Task<void> {
      if (with) {
        const Result<void> started = co_await server.startTlsAsServer(tls, soon());
        (void)started;
      }
      server.write("prefix");
      const Result<void> sent = co_await server.writeFile(fd, 1, 700'000, soon());
      (void)sent;
      server.shutdown();
    }(Connection(loop, std::move(here)), context, secured, file.get()));
    if (secured) REQUIRE(loop.runUntilDone(client.startTlsAsClient(clientOf(certificates, "mail.example.test"), soon())));
    CHECK(loop.runUntilDone(client.readExactly(700'006, soon())).value() == "prefix" + content.substr(1));
  }
}

// A client of OpenSSL's own, blocking: connects, reads the greeting, keeps the session. Returns whether it was resumed.
bool connectOnce(SSL_CTX* context, const Endpoint& to, const char* name, SSL_SESSION*& session) {
  sockaddr_storage address{};
  const socklen_t length = to.toSockaddr(address);
  const UniqueFd socket(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) return false;
  SSL* const ssl = SSL_new(context);
  SSL_set_fd(ssl, socket.get());
  SSL_set_tlsext_host_name(ssl, name);
  if (session) SSL_set_session(ssl, session);
  std::array<char, 100> line{};
  bool resumed = false;
  if (SSL_connect(ssl) == 1 && SSL_read(ssl, line.data(), line.size()) > 0) {
    resumed = SSL_session_reused(ssl) == 1;
    SSL_SESSION_free(session);
    session = SSL_get1_session(ssl);
    SSL_shutdown(ssl);
  }
  SSL_free(ssl);
  return resumed;
}

Task<void> greetOverTls(Loop& loop, std::unique_ptr<Stream> stream, std::shared_ptr<const TlsServerContext> context) {
  Connection connection(loop, std::move(stream));
  const Result<void> secured = co_await connection.startTlsAsServer(std::move(context), soon());
  if (!secured) co_return;
  connection.write("* OK\r\n");
  const Result<std::string_view> end = co_await connection.readSome(10, soon());
  (void)end;
}

TEST_CASE("a client that comes back resumes its session by ticket, with every protocol version and certificate") {
  TestCertificates certificates;
  const auto server =
      TlsServerContext::load({certificates.leaf({"first.example.test"}), certificates.leaf({"second.example.test"})}).value();
  Loop loop;
  Result<UniqueFd> socket = listenOn(Endpoint::parse("127.0.0.1:0").value());
  const Endpoint at = localEndpoint(socket->get()).value();
  TaskScope scope(loop);
  Listener listener(loop, std::move(*socket), [&](std::unique_ptr<Stream> stream, const Endpoint&) {
    scope.spawn(greetOverTls(loop, std::move(stream), server));
  });
  std::vector<bool> resumed;
  std::thread client([&] {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      for (const char* const name : {"first.example.test", "second.example.test"}) {
        SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_max_proto_version(context, version);
        SSL_SESSION* session = nullptr;
        for (int i = 0; i < 3; ++i) resumed.push_back(connectOnce(context, at, name, session));
        SSL_SESSION_free(session);
        SSL_CTX_free(context);
      }
    }
    loop.stop();
  });
  loop.run();
  client.join();
  CHECK(resumed == std::vector<bool>{false, true, true, false, true, true, false, true, true, false, true, true});
}

}  // namespace
}  // namespace ostler::net
