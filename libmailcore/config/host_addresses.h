// host_addresses.h - which addresses are this machine's. Is not: whether they are ours to use; bind(2) says that.
#pragma once

#include "libmailcore/net/address.h"

namespace ostler::config {

/// 0.0.0.0 or ::
[[nodiscard]] bool isEveryAddress(const net::IpAddress& address);
/// Has one of this machine's interfaces that address? False where they cannot be asked for.
[[nodiscard]] bool isOfThisHost(const net::IpAddress& address);

}  // namespace ostler::config
