#include <cstdlib>
#include <string_view>

#include "libmailcore/net/proxy_header.h"

// The header never claims more than was given, more octets behind it change nothing, and a prefix of it is never an error.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto parsed = ostler::net::parseProxyHeader(input);
  if (!parsed || !*parsed) return 0;
  const std::size_t length = (*parsed)->length;
  if (length > size || length > ostler::net::kMostProxyHeader) abort();
  const auto exact = ostler::net::parseProxyHeader(input.substr(0, length));
  if (!exact || !*exact || (*exact)->client != (*parsed)->client || (*exact)->server != (*parsed)->server) abort();
  const auto shorter = ostler::net::parseProxyHeader(input.substr(0, length - 1));
  if (!shorter || *shorter) abort();
  return 0;
}
