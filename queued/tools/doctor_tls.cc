#include "queued/tools/doctor_tls.h"

#include <algorithm>

#include "libmailcore/net/connection.h"

namespace ostler::tools {
namespace {

constexpr std::chrono::seconds kDoorPatience{8};
constexpr std::size_t kLongestLine = 4096;

/// "0.0.0.0" is where one listens, not where one connects.
bool isAny(const net::IpAddress& address) {
  return std::ranges::all_of(address.octets(), [](auto octet) { return octet == 0; });
}

net::IpAddress loopbackOf(const net::IpAddress& address) {
  return net::IpAddress::parse(address.isV4() ? "127.0.0.1" : "::1").value();
}

/// Replies of SMTP have several lines: a blank behind the code ends the last. RFC 5321 4.2.1
bool isLast(TlsDoor::Protocol protocol, std::string_view line) {
  if (protocol == TlsDoor::Protocol::imap) return !line.starts_with("* ") || line.starts_with("* OK");
  return protocol == TlsDoor::Protocol::pop3 || line.size() < 4 || line[3] != '-';
}

bool isGood(TlsDoor::Protocol protocol, std::string_view line) {
  if (protocol == TlsDoor::Protocol::smtp || protocol == TlsDoor::Protocol::lmtp) return line.starts_with('2');
  if (protocol == TlsDoor::Protocol::pop3) return line.starts_with("+OK");
  return line.starts_with("* OK") || line.starts_with("a OK");
}

/// Sends a command (empty: waits for the greeting) and reads the reply.
Task<Result<void>> exchange(net::Connection& connection, TlsDoor::Protocol protocol, std::string command, Deadline deadline) {
  if (!command.empty()) connection.write(command + "\r\n");
  const Result<void> sent = co_await connection.flush(deadline);
  if (!sent) co_return sent;
  for (;;) {
    const Result<std::string_view> line = co_await connection.readLine(kLongestLine, deadline);
    if (!line) co_return fail(line.error());
    if (!isLast(protocol, *line)) continue;
    if (isGood(protocol, *line)) co_return Result<void>();
    co_return fail(Error::Kind::permanent, "it says " + std::string(*line));
  }
}

/// What is said before TLS: RFC 3207 (SMTP), RFC 2033 4.1 (LMTP), RFC 2595 (POP3), RFC 9051 6.2.1 (IMAP). The greeting first.
std::vector<std::string> wordsBeforeTls(TlsDoor::Protocol protocol) {
  switch (protocol) {
    case TlsDoor::Protocol::smtp: return {"", "EHLO doctor.invalid", "STARTTLS"};
    case TlsDoor::Protocol::lmtp: return {"", "LHLO doctor.invalid", "STARTTLS"};
    case TlsDoor::Protocol::pop3: return {"", "STLS"};
    case TlsDoor::Protocol::imap: break;
  }
  return {"", "a STARTTLS"};
}

}  // namespace

std::vector<TlsDoor> tlsDoors(const config::Config& config, const std::vector<net::IpAddress>& outside) {
  std::vector<TlsDoor> doors;
  if (config.allCertificates().empty()) return doors;
  const auto add = [&](TlsDoor::Protocol protocol, const std::vector<config::Listener>& listeners, const std::string& hostName) {
    for (const config::Listener& listener : listeners) {
      const bool speaksTls = listener.tls != config::ListenerTls::none && listener.address.unixPath.empty() && listener.proxyFrom.empty();
      if (!speaksTls) continue;
      TlsDoor door{protocol, listener.address, listener.tls == config::ListenerTls::implicit, hostName};
      const bool everywhere = isAny(listener.address.address);
      if (everywhere) door.address.address = loopbackOf(listener.address.address);
      if (!everywhere || outside.empty()) doors.push_back(door);
      for (const net::IpAddress& address : outside) {
        if (!everywhere || address.isV4() != listener.address.address.isV4()) continue;
        door.address.address = address;
        doors.push_back(door);
      }
    }
  };
  for (const config::VirtualServer& server : config.virtualServers) {
    for (const config::Listener& listener : server.listeners) {
      add(listener.kind == config::SmtpKind::lmtp ? TlsDoor::Protocol::lmtp : TlsDoor::Protocol::smtp, {listener}, config.hostNameOf(server));
    }
  }
  add(TlsDoor::Protocol::pop3, config.pop3.listeners, config.hostName);
  add(TlsDoor::Protocol::imap, config.imap.listeners, config.hostName);
  return doors;
}

Task<Result<void>> tryTls(Loop& loop, TlsDoor door, std::shared_ptr<const net::TlsClientContext> context) {
  const Deadline deadline = Deadline::after(kDoorPatience);
  Result<std::unique_ptr<net::Stream>> stream = co_await net::connectTo(loop, door.address, std::nullopt, deadline);
  if (!stream) co_return fail(stream.error());
  net::Connection connection(loop, std::move(*stream));
  if (!door.isImplicit) {
    for (const std::string& words : wordsBeforeTls(door.protocol)) {
      const Result<void> answered = co_await exchange(connection, door.protocol, words, deadline);
      if (!answered) co_return answered;
    }
  }
  net::TlsClientOptions options;
  options.serverName = door.hostName;
  options.context = std::move(context);
  const Result<void> secured = co_await connection.startTlsAsClient(std::move(options), deadline);
  if (secured) connection.shutdown();
  co_return secured;
}

}  // namespace ostler::tools
