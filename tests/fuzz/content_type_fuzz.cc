// Parameters decode to one line of UTF-8, whatever RFC 2231 pieces they come in.
#include <cassert>
#include <cstdint>

#include "libmailcore/base/ascii.h"
#include "libmailcore/message/content_type.h"

using namespace ostler::message;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view raw(reinterpret_cast<const char*>(data), size);
  const ContentType type = parseContentType(raw);
  assert(!type.type.empty() && !type.subtype.empty());
  for (const Parameter& parameter : type.parameters) {
    const std::string value = parameterValue(type.parameters, parameter.name.substr(0, parameter.name.find('*')));
    assert(value.find_first_of("\r\n") == std::string::npos);
  }
  (void)parseLanguages(raw);
  (void)firstToken(raw);
  return 0;
}
