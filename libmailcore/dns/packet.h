// packet.h - reads a DNS answer packet. Pure. RFC 1035 4, RFC 2308 5 (TTL of a denial), RFC 3596 2, RFC 6698 2.1.
#pragma once

#include <string_view>

#include "libmailcore/dns/resolver.h"

namespace ostler::dns {

/// The answer to the one question in the packet: follows CNAMEs from the question's name and collects the records of `type` at
/// their end. Status is insecure, nodata, nxdomain or tempfail (any other RCODE): what DNSSEC says is not in the packet.
/// Errors: syntax. Records of other names and types are passed over unread.
[[nodiscard]] Result<Answer> parsePacket(std::string_view packet, Type type);

}  // namespace ostler::dns
