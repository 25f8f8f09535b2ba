// mx.h - where mail for a domain goes. RFC 5321 5.1, RFC 7505 (null MX).
// Is not: routing by configuration (smarthosts, gateways); see queued/route/.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "libmailcore/dns/resolver.h"

namespace ostler::dns {

struct MailHosts {
  enum class Verdict {
    hosts,       ///< `hosts` are to be tried in their order
    nullMx,      ///< the domain takes no mail: 5.1.10 (RFC 7505 4)
    noDomain,    ///< no such domain: 5.1.2
    noHost,      ///< the domain is there, but neither MX nor address: 5.4.4
    tryLater,    ///< the DNS is out of order: 4.4.3
    bogus,       ///< the answer failed DNSSEC: 4.7.x, never believed
  };
  Verdict verdict = Verdict::tryLater;
  std::vector<Mx> hosts;       ///< best first
  bool authenticated = false;  ///< the MX answer was validated: DANE may be used (RFC 7672 2.2.1)
  std::string why;             ///< for the log
};

/// Uniform in [0, bound): randomBelow(), or what a test wants.
using Random = std::function<std::uint64_t(std::uint64_t bound)>;

/// Lowest preference first, equals shuffled. RFC 5321 5.1.
[[nodiscard]] std::vector<Mx> inOrder(std::vector<Mx> hosts, const Random& random);

/// Without the hosts that are as far from the destination as we are, or farther: all whose preference is not better than that of
/// the best host that is us. Prevents loops between backup MXs: RFC 5321 5.1. Empty: we are the best, so routing is wrong.
[[nodiscard]] std::vector<Mx> withoutSelf(std::vector<Mx> hosts, const std::function<bool(const std::string& name)>& isSelf);

/// Asks for MX, and for addresses of the domain itself where there is none. Errors: syntax, timeout.
[[nodiscard]] Task<Result<MailHosts>> findMailHosts(Resolver& resolver, std::string domain, Random random, Deadline deadline);

struct HostAddresses {
  Status status = Status::tempfail;       ///< insecure or secure when there are any
  std::vector<net::IpAddress> addresses;  ///< IPv6 and IPv4 in turn, IPv6 first
  bool authenticated = false;             ///< every answer used was validated
  std::string canonicalName;              ///< after CNAMEs
  std::string why;
};

/// A and AAAA of one host. One family that fails does not hide the other's addresses. Errors: syntax, timeout.
[[nodiscard]] Task<Result<HostAddresses>> findAddresses(Resolver& resolver, std::string host, Deadline deadline);

}  // namespace ostler::dns
