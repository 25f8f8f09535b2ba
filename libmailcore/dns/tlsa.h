// tlsa.h - what TLSA records ask of a client that sends mail. Pure. RFC 7672 2 and 3, RFC 6698 2.1.
#pragma once

#include <string>
#include <vector>

#include "libmailcore/dns/resolver.h"

namespace ostler::dns {

/// "_25._tcp.mx1.example.net"
[[nodiscard]] std::string tlsaName(const std::string& host, std::uint16_t port);

/// The records a mail client can use: DANE-TA(2) and DANE-EE(3), known selector and matching type, digests of their length.
[[nodiscard]] std::vector<net::TlsaRecord> usableTlsa(const std::vector<net::TlsaRecord>& records);

enum class DaneVerdict {
  none,      ///< no DANE here: TLS is opportunistic
  dane,      ///< authenticate by the usable records, or do not send
  encrypt,   ///< records are there but none is usable: TLS is required, whoever answers (RFC 7672 2.2)
  tryLater,  ///< the answer is bogus or did not come: sending now could be what an attacker wants
};

/// `hostAuthenticated`: the host's addresses (and the MX that named it) were validated; without that TLSA is not even asked for.
[[nodiscard]] DaneVerdict daneVerdict(bool hostAuthenticated, const Answer& tlsa);

}  // namespace ostler::dns
