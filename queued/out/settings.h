// settings.h - what role out works with between two reloads. Immutable; a delivery keeps the one it began with.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libmailcore/config/config.h"
#include "libmailcore/dns/resolver.h"
#include "libmailcore/net/https_url.h"
#include "libmailcore/net/tls.h"
#include "libmailcore/smtp/client.h"

namespace ostler::out {

/// The server that is asked about bearer tokens: introspection.h.
struct Introspection {
  net::HttpsUrl url;
  std::string authorization;  ///< who we are; empty: nobody
  std::shared_ptr<const net::TlsClientContext> tls;
};

struct Settings {
  std::string hostName;
  std::vector<std::string> ownNames;                  ///< an MX of one of these names is us, too
  std::uint16_t mxPort = 25;
  std::size_t concurrency = 100;                      ///< deliveries at once; 0: unlimited
  std::uint64_t messagesPerConnection = 20;           ///< 0: unlimited
  std::chrono::milliseconds connectTimeout{30'000};
  std::chrono::milliseconds idleTimeout{5'000};       ///< how long a session without work is kept open
  std::chrono::milliseconds dnsTimeout{30'000};
  std::optional<net::IpAddress> sourceV4;
  std::optional<net::IpAddress> sourceV6;
  smtp::ClientTimeouts timeouts{};
  std::shared_ptr<dns::Resolver> resolver;
  std::shared_ptr<const net::TlsClientContext> tls;
  std::shared_ptr<const Introspection> introspection;  ///< null: nobody is asked
  std::shared_ptr<net::TlsTickets> tickets = std::make_shared<net::TlsTickets>(10'000);
};

/// Errors: permanent (a CA file that cannot be read, a DNS setting that is refused).
[[nodiscard]] Result<std::shared_ptr<const Settings>> makeSettings(Loop& loop, const config::Config& config);

}  // namespace ostler::out
