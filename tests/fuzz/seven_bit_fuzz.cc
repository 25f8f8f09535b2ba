// Whatever is converted for a server without 8BITMIME: no octet above 127 is left but in headers, and doing it again changes nothing.
#include <cassert>
#include <cstdint>

#include "libmailcore/base/ascii.h"
#include "libmailcore/message/mime.h"
#include "libmailcore/message/seven_bit.h"

using namespace ostler;
using namespace ostler::message;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string out = toSevenBit(input);
  for (const Part& part : parseStructure(out).parts) {
    if (part.kind == Part::Kind::leaf) assert(isAllAscii(octetsOf(out, part.body)));
  }
  assert(toSevenBit(out) == out);
  (void)isSigned(input);
  return 0;
}
