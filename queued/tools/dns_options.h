// dns_options.h - the configuration's DNS settings as the resolver takes them, for tools that look something up themselves.
#pragma once

#include "libmailcore/config/config.h"
#include "libmailcore/dns/unbound_resolver.h"

namespace ostler::tools {

[[nodiscard]] dns::UnboundOptions dnsOptions(const config::DnsSettings& settings);

}  // namespace ostler::tools
