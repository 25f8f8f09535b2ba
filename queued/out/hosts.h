// hosts.h - which hosts a next hop means, and the addresses and TLS policy of each. RFC 5321 5.1, RFC 7672 2.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libmailcore/dns/tlsa.h"
#include "libmailcore/ipc/sending.h"
#include "libmailcore/smtp/reply.h"
#include "queued/out/settings.h"

namespace ostler::out {

struct Host {
  std::string name;                       ///< for TLS and the log
  std::uint16_t port = 25;
  std::optional<net::Endpoint> endpoint;  ///< an address literal or a Unix socket: nothing to look up
  unsigned preference = 0;
  bool authenticated = false;  ///< DNSSEC vouches that mail goes to this name
  bool isFallback = false;     ///< not the next hop itself: its credentials are not meant for it
};

/// Hosts to be tried in their order, or the reply to all recipients when there is none.
struct Hosts {
  std::vector<Host> hosts;
  smtp::Reply refusal;
};
/// The next hop's own hosts, then its fallback relays.
[[nodiscard]] Task<Hosts> findHosts(std::shared_ptr<const Settings> settings, ipc::NextHop hop);

/// A relay as the configuration writes it: "relay.example.net", "[192.0.2.1]:2525", "192.0.2.1". No MX is looked up.
[[nodiscard]] std::optional<Host> parseRelay(std::string_view text);

/// How to speak TLS with a host.
struct TlsPolicy {
  bool required = false;  ///< no TLS, no mail
  net::TlsVerify verify = net::TlsVerify::none;
  std::string serverName;
  std::vector<net::TlsaRecord> tlsa;
  std::vector<std::string> alsoMatch;
};

/// Where to connect to and how; without endpoints, `refusal` says why.
struct Approach {
  std::vector<net::Endpoint> endpoints;
  std::vector<net::Endpoint> withheld;  ///< instead of `endpoints`: how the domain wants TLS there cannot be found out
  TlsPolicy tls;
  smtp::Reply refusal;
};
[[nodiscard]] Task<Approach> approach(std::shared_ptr<const Settings> settings, ipc::NextHop hop, Host host);

}  // namespace ostler::out
