#include "queued/out/log_relay.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <functional>

#include "libmailcore/log/relay_socket.h"
#include "libmailcore/net/connection.h"
#include "libmailcore/net/listener.h"
#include "tests/unit/libmailcore/net/test_certificates.h"

namespace ostler::out {
namespace {

using namespace std::chrono_literals;
using Protocol = LogServer::Protocol;

const std::string kLine = "<22>1 2026-11-22T05:00:00.000Z host smtpd 42 session-end - session-end client=192.0.2.1:9";
const std::string kFramed = std::to_string(kLine.size()) + " " + kLine;

/// A relay in a folder, with a local syslog that the test reads.
struct Scene {
  Scene() {
    std::string pattern = "/tmp/ostler-relay-XXXXXX";
    folder = ::mkdtemp(pattern.data());
    syslog.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (folder + "/dev-log").copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(syslog.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    relay = std::make_unique<LogRelay>(loop, log::Log(), log::LocalSyslog(folder + "/dev-log"));
    REQUIRE(relay->listen(folder + "/log.sock"));
    socket = std::make_unique<log::RelaySocket>(folder + "/log.sock");
  }
  ~Scene() {
    relay.reset();
    std::filesystem::remove_all(folder);
  }
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;

  bool waitFor(const std::function<bool()>& condition) {
    const Deadline deadline = Deadline::after(10s);
    while (!condition()) {
      if (deadline.passed()) return false;
      loop.runUntilDone(loop.sleepUntil(Deadline::after(2ms)));
    }
    return true;
  }
  std::string fromSyslog() {
    char octets[4096];
    const ssize_t got = ::recv(syslog.get(), octets, sizeof octets, 0);
    return got < 0 ? std::string() : std::string(octets, static_cast<std::size_t>(got));
  }

  Loop loop;
  std::string folder;
  UniqueFd syslog;
  std::unique_ptr<LogRelay> relay;
  std::unique_ptr<log::RelaySocket> socket;
};

/// A syslog server that keeps what it hears.
class SyslogServer {
 public:
  SyslogServer(Loop& loop, const net::Endpoint& at, std::shared_ptr<const net::TlsServerContext> tls) : loop_(loop), tls_(std::move(tls)), sessions_(loop) {
    Result<UniqueFd> socket = net::listenOn(at);
    REQUIRE(socket);
    listener_ = std::make_unique<net::Listener>(loop, std::move(*socket), [this](std::unique_ptr<net::Stream> stream, const net::Endpoint&) {
      sessions_.spawn(serve(std::make_unique<net::Connection>(loop_, std::move(stream))));
    });
  }
  [[nodiscard]] const net::Endpoint& at() const { return listener_->local(); }
  std::string heard;

 private:
  Task<void> serve(std::unique_ptr<net::Connection> connection) {
    if (tls_) {
      const Result<void> secured = co_await connection->startTlsAsServer(tls_, Deadline::after(10s));
      if (!secured) co_return;
    }
    for (;;) {
      const auto some = co_await connection->readSome(4096, Deadline::never());
      if (!some || some->empty()) co_return;
      heard += *some;
    }
  }
  Loop& loop_;
  std::shared_ptr<const net::TlsServerContext> tls_;
  std::unique_ptr<net::Listener> listener_;
  TaskScope sessions_;
};

net::Endpoint anyPort() { return *net::Endpoint::parse("127.0.0.1:0"); }

}  // namespace

TEST_CASE("a line of RFC 5424 gives the local syslog what it wants, and what is none is refused") {
  const auto parts = parseSyslogLine(kLine);
  REQUIRE(parts);
  CHECK(parts->priority == 22);
  CHECK(parts->program == "smtpd");
  CHECK(parts->pid == 42);
  CHECK(parts->message == "session-end client=192.0.2.1:9");
  for (const char* const broken : {"", "<", "<22", "<192>1 a b c d e - x", "<22>1 a b c d e", "22>1 a b c d e - x"}) CHECK_FALSE(parseSyslogLine(broken));
}

TEST_CASE("lines reach a server by TCP with octet counts, and the local syslog when it is gone, and the server again when it is back") {
  Scene s;
  auto server = std::make_unique<SyslogServer>(s.loop, anyPort(), nullptr);
  const net::Endpoint at = server->at();
  s.relay->use({at, Protocol::tcp, "", nullptr});
  REQUIRE(s.socket->send(kLine));
  REQUIRE(s.socket->send(kLine));
  CHECK(s.waitFor([&] { return server->heard == kFramed + kFramed; }));
  CHECK(s.fromSyslog().empty());

  server.reset();
  REQUIRE(s.socket->send(kLine));
  std::string local;
  CHECK(s.waitFor([&] {
    local = s.fromSyslog();
    return !local.empty();
  }));
  CHECK_THAT(local, Catch::StartsWith("<22>") && Catch::EndsWith(" smtpd[42]: session-end client=192.0.2.1:9"));

  server = std::make_unique<SyslogServer>(s.loop, at, nullptr);
  CHECK(s.waitFor([&] {
    (void)s.socket->send(kLine);
    return !server->heard.empty();
  }));
}

TEST_CASE("lines reach a server by TLS whose certificate is good, and no other") {
  net::TestCertificates certificates;
  const auto context = net::TlsServerContext::load({certificates.leaf({"log.example"})});
  REQUIRE(context);
  Scene s;
  SyslogServer server(s.loop, anyPort(), *context);
  config::LogSettings settings;
  settings.syslogServer = server.at();
  settings.syslogProtocol = Protocol::tls;
  settings.syslogCa = certificates.caFile();
  for (const char* const name : {"log.example", "other.example"}) {
    server.heard.clear();
    settings.syslogName = name;
    auto made = makeLogServer(settings);
    REQUIRE(made);
    s.relay->use(std::move(*made));
    REQUIRE(s.socket->send(kLine));
    std::string local;
    CHECK(s.waitFor([&] { 
      local = s.fromSyslog();
      return !server.heard.empty() || !local.empty();
    }));
    CHECK(server.heard == (name == std::string("log.example") ? kFramed : ""));
  }
}

TEST_CASE("lines reach a server by UDP, one a datagram") {
  Scene s;
  const UniqueFd server(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0));
  sockaddr_storage address{};
  const socklen_t length = anyPort().toSockaddr(address);
  REQUIRE(::bind(server.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0);
  s.relay->use({*net::localEndpoint(server.get()), Protocol::udp, "", nullptr});
  REQUIRE(s.socket->send(kLine));
  std::string heard(4096, '\0');
  ssize_t got = -1;
  CHECK(s.waitFor([&] { return (got = ::recv(server.get(), heard.data(), heard.size(), 0)) > 0; }));
  CHECK(heard.substr(0, static_cast<std::size_t>(std::max<ssize_t>(got, 0))) == kLine);
}

TEST_CASE("without a server, and without a relay, lines are for the local syslog") {
  Scene s;
  REQUIRE(s.socket->send(kLine));
  std::string local;
  CHECK(s.waitFor([&] {
    local = s.fromSyslog();
    return !local.empty();
  }));
  s.relay.reset();
  CHECK_FALSE(s.socket->send(kLine));
}

}  // namespace ostler::out
