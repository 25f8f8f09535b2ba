#include "libmailcore/config/host_addresses.h"

#include <ifaddrs.h>
#include <netinet/in.h>

namespace ostler::config {

bool isEveryAddress(const net::IpAddress& address) {
  return address.octets().find_first_not_of('\0') == std::string_view::npos;
}

bool isOfThisHost(const net::IpAddress& address) {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return false;
  bool isFound = false;
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr) continue;
    const socklen_t length = one->ifa_addr->sa_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
    const auto theirs = net::Endpoint::fromSockaddr(one->ifa_addr, length);
    isFound = isFound || (theirs && theirs->address == address);
  }
  ::freeifaddrs(all);
  return isFound;
}

}  // namespace ostler::config
