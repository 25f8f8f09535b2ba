// plain_fuzz.cc - the response of PLAIN: what parses is written back as it came.
#include <cassert>
#include <cstdint>
#include <string_view>

#include "libmailcore/sasl/plain.h"
#include "libmailcore/sasl/prep.h"

using namespace ostler::sasl;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto message = parsePlain(input)) assert(formatPlain(*message) == input);
  if (const auto prepared = saslPrep(input)) assert(!prepared->empty());
  return 0;
}
