#include <cstdlib>
#include <string_view>

#include "libmailcore/dns/name.h"
#include "libmailcore/dns/packet.h"

// Whatever a server sends, an answer has records exactly when it says so, and its TTL is bounded.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ostler::dns;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  for (const Type type : {Type::a, Type::cname, Type::ptr, Type::mx, Type::txt, Type::aaaa, Type::tlsa}) {
    const auto answer = parsePacket(input, type);
    if (!answer) continue;
    const bool records = !answer->addresses.empty() || !answer->mx.empty() || !answer->texts.empty() || !answer->names.empty() ||
                         !answer->tlsa.empty();
    if (answer->found() != records && answer->status != Status::tempfail && answer->status != Status::nxdomain) abort();
    if (answer->ttl.count() < 0 || answer->ttl.count() > 7 * 86400) abort();
  }
  if (const auto name = canonicalForm(input)) {
    if (canonicalForm(*name).value() != *name) abort();
  }
  return 0;
}
