// What a size or a duration is written as is read back as the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "libmailcore/config/quantity.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ostler::config;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto octets = parseByteCount(text)) {
    if (parseByteCount(toText(*octets)) != *octets) std::abort();
  }
  if (const auto duration = parseDuration(text)) {
    if (parseDuration(toText(*duration)) != *duration) std::abort();
  }
  return 0;
}
