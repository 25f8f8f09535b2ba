// rate_fuzz.cc - a rate that was read has a distance between two messages that can be waited for, and is read as it is written.
#include <cassert>
#include <cstdint>
#include <string_view>

#include "libmailcore/config/quantity.h"

using namespace ostler;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto rate = config::parseRate(input);
  if (!rate || rate->count == 0) return 0;
  assert(rate->in.count() > 0 && rate->distance().count() >= 0);
  assert(config::parseRate(config::toText(*rate)).value() == *rate);
  return 0;
}
