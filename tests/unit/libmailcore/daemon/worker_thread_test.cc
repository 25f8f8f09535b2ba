#include "libmailcore/daemon/worker_thread.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <thread>

#include "libmailcore/daemon/admission.h"
#include "libmailcore/daemon/listener_set.h"
#include "libmailcore/net/connection.h"
#include "libmailcore/net/memory_stream.h"
#include "libmailcore/net/socket_stream.h"
#include "tests/unit/libmailcore/net/test_certificates.h"

namespace ostler::daemon {
namespace {

using namespace std::chrono_literals;

// Says hello, returns each line, and BYE when the house closes.
class Echo final : public Protocol {
 public:
  explicit Echo(const Worker& worker) : worker_(worker) {}
  Task<void> serve(Arrival arrival) override {
    net::Connection connection(worker_.loop, std::move(arrival.stream));
    const Gate::Pass pass = worker_.gate.enter([&connection] { connection.interruptRead(); });
    connection.write("hello " + arrival.plan->group + "\n");
    const std::string client = arrival.client.address.text();
    while (true) {
      const auto line = co_await connection.readLine(100, Deadline::after(20s));
      if (!line) break;
      connection.write((*line == "who" ? client : std::string(*line)) + "\n");
    }
    if (worker_.gate.closed()) connection.write("BYE\n");
    const auto flushed = co_await connection.flush(Deadline::after(1s));
    (void)flushed;
  }

 private:
  Worker worker_;
};

struct House {
  Daemon daemon;
  std::shared_ptr<ConnectionCounts> counts = std::make_shared<ConnectionCounts>();
  std::shared_ptr<const Snapshot> snapshot = std::make_shared<Snapshot>();
  ListenerSet listeners;
  std::vector<std::unique_ptr<WorkerThread>> workers;
  House() {
    daemon.name = "echo";
    daemon.refusal = "too many\n";
    daemon.protocol = [](const Worker& worker) { return std::make_unique<Echo>(worker); };
    for (unsigned n = 0; n < 2; ++n) {
      workers.push_back(std::make_unique<WorkerThread>(daemon, n, log::Log(), counts, snapshot));
      workers.back()->start();
    }
  }
  [[nodiscard]] Result<void> use(const std::vector<ListenerPlan>& plans) {
    auto shares = listeners.change(plans, 2);
    if (!shares) return fail(shares.error());
    for (std::size_t n = 0; n < 2; ++n) workers[n]->use(snapshot, std::move((*shares)[n]));
    return {};
  }
};

std::uint16_t freePort() {
  const UniqueFd probe(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  REQUIRE(::bind(probe.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
  REQUIRE(::getsockname(probe.get(), reinterpret_cast<sockaddr*>(&at), &size) == 0);
  return ntohs(at.sin_port);
}

ListenerPlan planAt(std::uint16_t port, std::string group) {
  ListenerPlan plan;
  plan.listener.address = {net::IpAddress::v4({127, 0, 0, 1}), port, ""};
  plan.listener.tls = config::ListenerTls::none;
  plan.group = std::move(group);
  return plan;
}

struct Caller {
  UniqueFd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  bool connected = false;
  explicit Caller(std::uint16_t port) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons(port);
    connected = ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
  }
  [[nodiscard]] std::string line() const {
    std::string out;
    char c = 0;
    pollfd waiting{socket.get(), POLLIN, 0};
    while (::poll(&waiting, 1, 5000) == 1 && ::read(socket.get(), &c, 1) == 1 && c != '\n') out += c;
    return out;
  }
  void send(const std::string& text) const {
    REQUIRE(::write(socket.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
};

// Retries while the workers take over their listeners.
Caller callUntilAnswered(std::uint16_t port) {
  for (int n = 0; n < 500; ++n) {
    Caller caller(port);
    if (caller.connected) return caller;
    std::this_thread::yield();
    ::poll(nullptr, 0, 5);
  }
  return Caller(port);
}

TEST_CASE("worker: sessions are served, listeners come and go with the configuration") {
  House house;
  const std::uint16_t first = freePort();
  REQUIRE(house.use({planAt(first, "a")}));
  const Caller before = callUntilAnswered(first);
  CHECK(before.line() == "hello a");
  std::uint16_t second = freePort();
  while (second == first) second = freePort();
  REQUIRE(house.use({planAt(second, "b")}));
  CHECK(callUntilAnswered(second).line() == "hello b");
  before.send("still here\n");
  CHECK(before.line() == "still here");
}

TEST_CASE("worker: a listener that cannot be bound changes nothing") {
  House house;
  const std::uint16_t port = freePort();
  REQUIRE(house.use({planAt(port, "a")}));
  CHECK(callUntilAnswered(port).line() == "hello a");
  ListenerPlan impossible = planAt(port, "c");
  impossible.listener.address.address = net::IpAddress::v4({192, 0, 2, 1});
  CHECK_FALSE(house.use({impossible}));
  CHECK(callUntilAnswered(port).line() == "hello a");
}

TEST_CASE("worker: beyond the limit a connection is refused in the protocol's words") {
  House house;
  const std::uint16_t port = freePort();
  ListenerPlan plan = planAt(port, "a");
  plan.limits = {1, 0};
  REQUIRE(house.use({plan}));
  const Caller one = callUntilAnswered(port);
  CHECK(one.line() == "hello a");
  CHECK(callUntilAnswered(port).line() == "too many");
}

TEST_CASE("worker: only a listed proxy says who the client is; what others send as such a header is the first line they say") {
  House house;
  const std::uint16_t port = freePort();
  ListenerPlan plan = planAt(port, "a");
  plan.listener.proxyFrom = {*net::Cidr::parse("127.0.0.0/8")};
  REQUIRE(house.use({plan}));
  const Caller proxy = callUntilAnswered(port);
  proxy.send("PROXY TCP4 192.0.2.7 192.0.2.8 1234 25\r\nwho\n");
  CHECK(proxy.line() == "hello a");
  CHECK(proxy.line() == "192.0.2.7");
  plan.listener.proxyFrom = {*net::Cidr::parse("192.0.2.0/24")};
  std::uint16_t other = freePort();
  while (other == port) other = freePort();
  plan.listener.address.port = other;
  REQUIRE(house.use({plan}));
  const Caller stranger = callUntilAnswered(other);
  CHECK(stranger.line() == "hello a");
  stranger.send("PROXY TCP4 192.0.2.7 192.0.2.8 1234 25\nwho\n");
  CHECK(stranger.line() == "PROXY TCP4 192.0.2.7 192.0.2.8 1234 25");
  CHECK(stranger.line() == "127.0.0.1");
}

TEST_CASE("worker: a drain tells the sessions, and ends when they have gone") {
  House house;
  const std::uint16_t port = freePort();
  REQUIRE(house.use({planAt(port, "a")}));
  const Caller caller = callUntilAnswered(port);
  CHECK(caller.line() == "hello a");
  for (const auto& worker : house.workers) worker->drain(Deadline::after(5s));
  CHECK(caller.line() == "BYE");
  house.workers.clear();
  CHECK_FALSE(Caller(port).connected);
}

TEST_CASE("worker: a sign of life is given by a loop that runs") {
  House house;
  house.workers[0]->ping();
  for (int n = 0; n < 1000 && !house.workers[0]->answered(); ++n) ::poll(nullptr, 0, 5);
  CHECK(house.workers[0]->answered());
}

Task<Result<std::optional<net::Endpoint>>> readHeader(Loop& loop, std::string octets, std::string& rest) {
  auto [mine, theirs] = net::MemoryStream::makePair(loop);
  const std::array<std::string_view, 1> parts{octets};
  const auto written = co_await theirs->write(parts, Deadline::after(1s));
  (void)written;
  theirs->shutdown();
  auto header = co_await readProxyHeader(*mine, Deadline::after(1s));
  std::array<char, 100> left{};
  const auto count = co_await mine->readSome(left, Deadline::after(1s));
  rest = std::string(left.data(), count.value_or(0));
  co_return header;
}

TEST_CASE("admission: a PROXY header is read, and nothing behind it") {
  Loop loop;
  std::string rest;
  const auto one = loop.runUntilDone(readHeader(loop, "PROXY TCP4 192.0.2.7 192.0.2.8 1234 25\r\nEHLO", rest));
  REQUIRE(one);
  CHECK((*one)->text() == "192.0.2.7:1234");
  CHECK(rest == "EHLO");
  std::string two("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc0\0\x02\x08\x04\xd2\0\x19", 28);
  const auto other = loop.runUntilDone(readHeader(loop, two + "EHLO", rest));
  REQUIRE(other);
  CHECK((*other)->text() == "192.0.2.7:1234");
  CHECK(rest == "EHLO");
  const auto local = loop.runUntilDone(readHeader(loop, std::string("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16) + "X", rest));
  REQUIRE(local);
  CHECK_FALSE(*local);
  CHECK(rest == "X");
}

TEST_CASE("admission: a client of whom the proxy knows no address has nobody's, not the proxy's") {
  Loop loop;
  std::string rest;
  const std::string signature("\r\n\r\n\0\r\nQUIT\n", 12);
  std::string unnamed = signature + std::string("\x21\x31\x00\xd8", 4) + std::string(216, '\0');  // a Unix socket without a path
  for (const std::string& header : {std::string("PROXY UNKNOWN\r\n"), signature + std::string("\x21\x00\x00\x00", 4), unnamed}) {
    const auto nobody = loop.runUntilDone(readHeader(loop, header + "X", rest));
    REQUIRE(nobody);
    REQUIRE(*nobody);
    CHECK((*nobody)->text() == "0.0.0.0:0");
    CHECK(rest == "X");
  }
}

TEST_CASE("admission: a header with long extensions is read whole") {
  Loop loop;
  std::string rest;
  std::string header("\r\n\r\n\0\r\nQUIT\n\x21\x11\x07\xd3\xc0\0\x02\x07\xc0\0\x02\x08\x04\xd2\0\x19\x20\x07\xc4", 31);
  const auto read = loop.runUntilDone(readHeader(loop, header + std::string(0x7c4, 'x') + "EHLO", rest));
  REQUIRE(read);
  CHECK((*read)->text() == "192.0.2.7:1234");
  CHECK(rest == "EHLO");
}

TEST_CASE("admission: who begins with TLS and falls silent is left") {
  net::TestCertificates certificates;
  Loop loop;
  Gate gate(loop);
  Daemon daemon;
  CHECK(daemon.handshakeTime == 1min);
  daemon.handshakeTime = 30ms;
  int pair[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
  const UniqueFd client(pair[1]);
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->tls = net::TlsServerContext::load({certificates.leaf({"mail.example.test"})}).value();
  ListenerPlan plan = planAt(1, "a");
  plan.listener.tls = config::ListenerTls::implicit;
  Arrival arrival;
  arrival.stream = net::makeSocketStream(loop, UniqueFd(pair[0]));
  arrival.client = net::Endpoint::parse("192.0.2.7:4321").value();
  arrival.snapshot = snapshot;
  arrival.plan = std::make_shared<ListenerPlan>(plan);
  Echo echo(Worker{loop, gate, log::Log(), snapshot});
  auto counts = std::make_shared<ConnectionCounts>();
  loop.runUntilDone(admit(echo, loop, daemon, log::Log(), counts, std::move(arrival)));
  char octet = 0;
  CHECK(::read(client.get(), &octet, 1) == 0);
}

TEST_CASE("admission: who must send a PROXY header and does not is refused") {
  Loop loop;
  std::string rest;
  CHECK_FALSE(loop.runUntilDone(readHeader(loop, "EHLO client.example\r\n", rest)));
  CHECK_FALSE(loop.runUntilDone(readHeader(loop, "PROXY TCP4 192.0.2.7", rest)));
  CHECK_FALSE(loop.runUntilDone(readHeader(loop, "PROXY UNKNOWN" + std::string(600, 'x'), rest)));
}

}  // namespace
}  // namespace ostler::daemon
