#include <cstdlib>
#include <string>

#include "libmailcore/base/ascii.h"
#include "libmailcore/smtp/capabilities.h"

// What a server offers does not depend on the case it is written in, nor on its name in the first line.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ostler;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const smtp::Capabilities can = smtp::parseCapabilities({250, "", text});
  if (smtp::parseCapabilities({250, "", asciiUpper(text)}) != can) abort();
  const std::size_t end = text.find('\n');
  if (end != text.npos && smtp::parseCapabilities({250, "", "other" + text.substr(end)}) != can) abort();
  if (end == text.npos && can != smtp::Capabilities()) abort();
  return 0;
}
