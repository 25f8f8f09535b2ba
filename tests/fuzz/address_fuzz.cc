#include <cstdlib>
#include <string_view>

#include "libmailcore/net/address.h"

// What parses prints to something that parses to the same value; a range contains its own network.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ostler::net;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto address = IpAddress::parse(input)) {
    if (IpAddress::parse(address->text()).value() != *address) abort();
  }
  if (const auto endpoint = Endpoint::parse(input)) {
    if (Endpoint::parse(endpoint->text()).value() != *endpoint) abort();
  }
  if (const auto range = Cidr::parse(input)) {
    if (Cidr::parse(range->text()).value() != *range || !range->contains(range->network)) abort();
  }
  return 0;
}
