// hours_fuzz.cc - windows that were read are parts of a day and not empty.
#include <cassert>
#include <cstdint>
#include <string_view>

#include "libmailcore/config/quantity.h"

using namespace ostler;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto windows = config::parseHours(input)) {
    assert(!windows->empty());
    for (const config::HourWindow& window : *windows) assert(window.from < 1440 && window.to < 1440 && window.from != window.to);
  }
  return 0;
}
