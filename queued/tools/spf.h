// spf.h - does a domain's SPF record let this machine send, as far as one can tell from the record itself? Pure.
// Is not: SPF of mail that comes in. RFC 7208 4.6.2, 5.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/net/address.h"

namespace ostler::tools {

/// Who would send.
struct SpfSender {
  std::string domain;
  std::string hostName;
  net::IpAddress address;
  bool isMx = false;                            ///< the host is an MX of the domain
  std::vector<net::IpAddress> domainAddresses;  ///< A and AAAA of the domain itself
};

enum class SpfVerdict { passes, fails, unknown };  ///< unknown: other names would have to be asked (include, redirect, ...)

[[nodiscard]] bool isSpf(std::string_view text);
[[nodiscard]] SpfVerdict judgeSpf(std::string_view record, const SpfSender& sender);

}  // namespace ostler::tools
