#include <cstdlib>
#include <string_view>

#include "libmailcore/dns/hosts.h"

// Whatever stands in a hosts file, a configured name keeps its addresses, and its reverse name leads back to it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ostler;
  const auto address = net::IpAddress::parse("192.0.2.1").value();
  dns::Hosts hosts;
  hosts.addConfigured("mine.example", {address});
  hosts.addHostsFile(std::string_view(reinterpret_cast<const char*>(data), size));
  const auto mine = hosts.lookup("mine.example", dns::Type::a);
  if (!mine || mine->addresses.size() != 1 || mine->addresses[0] != address) abort();
  const auto back = hosts.lookup("1.2.0.192.in-addr.arpa", dns::Type::ptr);
  if (!back || back->names.front() != "mine.example") abort();
  return 0;
}
