// proxy_header.h - the PROXY protocol, versions 1 and 2: who the client behind a load balancer is.
// Written in: the PROXY protocol specification of HAProxy, sections 2.1 and 2.2. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "libmailcore/net/address.h"

namespace ostler::net {

struct ProxyHeader {
  std::optional<Endpoint> client;  ///< nothing for LOCAL and UNKNOWN: the connection's own address counts
  std::optional<Endpoint> server;
  std::size_t length = 0;  ///< octets of the header, to be taken off the stream
};

/// Parses a header at the start of `octets`. An empty optional: not complete yet, read more (at most 536 octets).
/// Errors: syntax.
[[nodiscard]] Result<std::optional<ProxyHeader>> parseProxyHeader(std::string_view octets);

}  // namespace ostler::net
