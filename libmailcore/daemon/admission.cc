#include "libmailcore/daemon/admission.h"

#include <algorithm>
#include <array>

#include "libmailcore/net/listener.h"
#include "libmailcore/net/proxy_header.h"

namespace ostler::daemon {
namespace {

using namespace std::chrono_literals;

using net::kMostProxyHeader;
constexpr auto kProxyTime = 10s;

bool comesFromProxy(const config::Listener& listener, const net::Endpoint& client) {
  return std::any_of(listener.proxyFrom.begin(), listener.proxyFrom.end(),
                     [&](const net::Cidr& range) { return range.contains(client.address); });
}

Task<Result<void>> appendExactly(net::Stream& stream, std::string& to, std::size_t count, Deadline deadline) {
  while (count > 0) {
    std::array<char, 256> part;
    const Result<std::size_t> got = co_await stream.readSome(std::span(part.data(), std::min(count, part.size())), deadline);
    if (!got) co_return fail(got.error());
    if (*got == 0) co_return fail(Error::Kind::closed, "closed inside the PROXY header");
    to.append(part.data(), *got);
    count -= *got;
  }
  co_return Result<void>();
}

}  // namespace

// Version 2 says its length in the first 16 octets. Version 1 is a line, and is read octet by octet, since what is
// behind it may be the start of TLS.
Task<Result<std::optional<net::Endpoint>>> readProxyHeader(net::Stream& stream, Deadline deadline) {
  std::string header;
  std::size_t wanted = 15;  // "PROXY UNKNOWN\r\n", the shortest
  while (header.size() < kMostProxyHeader) {
    const Result<void> read = co_await appendExactly(stream, header, wanted, deadline);
    if (!read) co_return fail(read.error());
    const auto parsed = net::parseProxyHeader(header);
    if (!parsed) co_return fail(parsed.error());
    if (*parsed && (*parsed)->isLocal) co_return std::nullopt;
    if (*parsed) co_return (*parsed)->client.value_or(net::Endpoint{});  // 0.0.0.0 is nobody, and on nobody's list
    wanted = 1;
    if (header.front() == '\r' && header.size() >= 16) {
      const std::size_t length = static_cast<unsigned char>(header[14]) * 256U + static_cast<unsigned char>(header[15]);
      if (length > kMostProxyHeader - 16) break;
      wanted = 16 + length - header.size();
    }
  }
  co_return fail(Error::Kind::syntax, "PROXY header too long");
}

Task<void> admit(Protocol& protocol, Loop& loop, const Daemon& daemon, log::Log log,
                 std::shared_ptr<ConnectionCounts> counts, Arrival arrival) {
  const config::Listener& listener = arrival.plan->listener;
  if (comesFromProxy(listener, arrival.client)) {
    const auto client = co_await readProxyHeader(*arrival.stream, Deadline::after(kProxyTime));
    if (!client) {
      log.warn("proxy-header-refused", {{"proxy", arrival.client.text()}, {"reason", client.error().detail}});
      co_return;
    }
    if (*client) arrival.client = **client;
  }
  const auto place = counts->take(arrival.plan->group, arrival.client.address, arrival.plan->limits);
  if (!place) {
    log.info("connection-refused",
             {{"client", arrival.client.text()}, {"group", arrival.plan->group}, {"reason", "too-many"}});
    const std::array<std::string_view, 1> words{daemon.refusal};
    if (listener.tls != config::ListenerTls::implicit) (void)arrival.stream->tryWrite(words);
    arrival.stream->shutdown();
    co_return;
  }
  if (listener.tls == config::ListenerTls::implicit) {
    auto secured = co_await net::acceptTls(loop, std::move(arrival.stream), arrival.snapshot->tlsFor(*arrival.plan),
                                           Deadline::after(daemon.handshakeTime));
    if (!secured) {
      // Who comes from this machine and goes at once only looks whether we answer; see session_lines.h.
      const bool isProbe = secured.error().kind == Error::Kind::closed && arrival.client.address.isLoopback();
      log.write(isProbe ? log::Level::debug : log::Level::info, "tls-failed", {{"client", arrival.client.text()}, {"reason", secured.error().detail}});
      co_return;
    }
    arrival.stream = std::move(*secured);
  }
  co_await protocol.serve(std::move(arrival));
}

}  // namespace ostler::daemon
