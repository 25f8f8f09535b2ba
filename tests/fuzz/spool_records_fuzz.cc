// A record that can be read is written back as it was read: decode(encode(x)) says the same as x.
#include <cassert>
#include <cstdint>
#include <string_view>

#include "queued/spool/records.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto record = ostler::spool::decodeRecord(data[0] % 9, octets);
  if (!record) return 0;
  const std::string once = ostler::spool::encodeRecord(*record);
  const auto again = ostler::spool::decodeRecord(static_cast<std::uint16_t>(ostler::spool::typeOf(*record)), once);
  assert(again && ostler::spool::encodeRecord(*again) == once);
  return 0;
}
