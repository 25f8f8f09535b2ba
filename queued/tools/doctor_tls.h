// doctor_tls.h - what a client finds that comes to our listeners for TLS: a handshake, and a certificate that is good for our name.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "libmailcore/async/loop.h"
#include "libmailcore/config/config.h"
#include "libmailcore/net/tls.h"

namespace ostler::tools {

/// A listener as a client reaches it.
struct TlsDoor {
  enum class Protocol { smtp, lmtp, pop3, imap } protocol = Protocol::smtp;
  net::Endpoint address;
  bool isImplicit = false;
  std::string hostName;  ///< what its certificate must name
};
/// Those of the configuration that speak TLS, at `outside` addresses where there are any, else where they listen.
[[nodiscard]] std::vector<TlsDoor> tlsDoors(const config::Config& config, const std::vector<net::IpAddress>& outside);

/// Connects, asks for TLS as that protocol does, and verifies. Errors: timeout, temporary (no way there), closed, permanent (refused, or
/// the certificate is no good), in words.
[[nodiscard]] Task<Result<void>> tryTls(Loop& loop, TlsDoor door, std::shared_ptr<const net::TlsClientContext> context);

}  // namespace ostler::tools
