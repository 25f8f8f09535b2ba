// dns_records.h - what the DNS must say for a configuration to work. Is not: asking the DNS whether it does (doctor.cc).
#pragma once

#include <string>
#include <vector>

#include "libmailcore/config/config.h"

namespace ostler::tools {

/// The public addresses of this machine's interfaces.
[[nodiscard]] std::vector<net::IpAddress> addressesOfThisHost();

/// Lines of a zone file: A and AAAA, MX, SPF (RFC 7208), SRV for the listeners there are (RFC 6186, RFC 8314 5.1), and the
/// PTR records as comments, since they belong to another zone.
[[nodiscard]] std::string recordsFor(const config::Config& config, const std::string& domain,
                                     const std::vector<net::IpAddress>& addresses);

}  // namespace ostler::tools
