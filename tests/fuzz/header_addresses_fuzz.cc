// header_addresses_fuzz.cc - what is shown is shown so once for all: doing it again changes nothing; the body stays as it is.
#include <cassert>
#include <cstdint>
#include <string_view>

#include "libmailcore/message/header.h"
#include "libmailcore/message/header_addresses.h"

using namespace ostler;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const message::ShownDomains domains{"inside.example", "public.example", "default.example"};
  const auto once = message::withShownDomains(input, domains);
  if (!once) return 0;
  assert(once->ends_with(input.substr(message::HeaderView(input).length())));
  (void)message::withShownDomains(*once, domains);
  return 0;
}
