// XCLIENT and XFORWARD: what was read is written and reads as the same again, and holds nothing that ends a line.
#include <cassert>
#include <cstdint>

#include "libmailcore/smtp/xclient.h"

using namespace ostler::smtp;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string_view> known = {"NAME", "ADDR", "PORT", "PROTO", "HELO", "DESTADDR", "DESTPORT", "IDENT", "SOURCE"};
  if (const auto read = parseAttributes(input, known)) {
    for (const Attribute& attribute : *read) {
      assert(!attribute.value || attribute.value->find_first_of("\r\n ") == std::string::npos);
    }
    const auto again = parseAttributes(format(*read), known);
    assert(again && *again == *read);
  }
  return 0;
}
