// proxy_header.h - the PROXY protocol, versions 1 and 2: who the client behind a load balancer is.
// Written in: the PROXY protocol specification of HAProxy, sections 2.1 and 2.2. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "libmailcore/net/address.h"

namespace ostler::net {

struct ProxyHeader {
  std::optional<Endpoint> client;  ///< nothing: LOCAL, or a client of whom the proxy knows no address
  std::optional<Endpoint> server;
  bool isLocal = false;    ///< the proxy speaks for itself, so the connection's own address counts: section 2.2
  std::size_t length = 0;  ///< octets of the header, to be taken off the stream
};

/// The longest header taken. Section 2.2 bounds none of version 2; what balancers add about TLS and themselves stays far below.
inline constexpr std::size_t kMostProxyHeader = 16 + 2048;

/// Parses a header at the start of `octets`. An empty optional: not complete yet, read more (at most kMostProxyHeader octets).
/// Errors: syntax; also a checksum that is not the header's.
[[nodiscard]] Result<std::optional<ProxyHeader>> parseProxyHeader(std::string_view octets);

}  // namespace ostler::net
