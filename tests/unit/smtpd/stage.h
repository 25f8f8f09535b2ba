// stage.h - a session on a stream in memory, a client at the other end, and the fake policy behind it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "libmailcore/net/memory_stream.h"
#include "smtpd/session.h"
#include "tests/unit/smtpd/fake_policy.h"

namespace ostler::smtpd {

struct Stage {
  Loop loop;
  Gate gate{loop};
  FakePolicy policy{loop};
  Watched watched{loop, policy};
  Budget budget{16U << 20};
  Tidier tidier{loop, budget};
  receiving::Rates rates;
  ManualClock clock{fromUnixMillis(1'700'000'000'000)};
  config::Config config;
  daemon::ListenerPlan plan;
  std::shared_ptr<const net::TlsServerContext> tls;
  Surroundings around{loop, gate, policy, budget, tidier, rates, watched, clock, log::Log()};
  std::string client = "192.0.2.7:4321";

  Stage() {
    around.silence = std::chrono::milliseconds(20);
    config.hostName = "mail.example.test";
    config.virtualServers.emplace_back();
    plan.listener.tls = config::ListenerTls::startTls;
  }
  config::VirtualServer& server() { return config.virtualServers.front(); }
  void allowPlaintext() { server().auth.plaintextFrom = {net::Cidr{net::IpAddress::v4({0, 0, 0, 0}), 0}}; }

  daemon::Arrival arrival(std::unique_ptr<net::Stream> stream) {
    auto snapshot = std::make_shared<daemon::Snapshot>();
    snapshot->config = std::make_shared<config::Config>(config);
    snapshot->tls = tls;
    daemon::Arrival arrival;
    arrival.stream = std::move(stream);
    arrival.client = net::Endpoint::parse(client).value();
    arrival.local = net::Endpoint::parse("192.0.2.1:25").value();
    arrival.snapshot = snapshot;
    arrival.plan = std::make_shared<daemon::ListenerPlan>(plan);
    return arrival;
  }
};

/// The client's end: sends octets, reads replies.
class Caller {
 public:
  Caller(Loop& loop, std::unique_ptr<net::Stream> stream) : connection_(loop, std::move(stream)) {}
  [[nodiscard]] Task<void> send(std::string octets) {
    connection_.write(octets);
    const Result<void> sent = co_await connection_.flush(Deadline::after(std::chrono::seconds(60)));
    (void)sent;
  }
  /// Nothing: the server closed.
  [[nodiscard]] Task<std::optional<smtp::Reply>> reply() {
    smtp::ReplyReader reader;
    while (true) {
      const auto line = co_await connection_.readLine(1000, Deadline::after(std::chrono::seconds(60)));
      if (!line) co_return std::nullopt;
      const Result<bool> last = reader.add(*line);
      if (!last) co_return smtp::Reply{0, "", "not a reply: " + std::string(*line)};
      if (*last) co_return reader.take();
    }
  }
  /// Sends one line and reads one reply.
  [[nodiscard]] Task<std::optional<smtp::Reply>> ask(std::string line) {
    co_await send(line + "\r\n");
    std::optional<smtp::Reply> answer = co_await reply();
    co_return answer;
  }
  [[nodiscard]] net::Connection& connection() { return connection_; }
  void hangUp() { connection_.shutdown(); }

 private:
  net::Connection connection_;
};

}  // namespace ostler::smtpd
