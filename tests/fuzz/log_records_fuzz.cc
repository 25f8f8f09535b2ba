// What decodes encodes to something that decodes to the same record.
#include <cstdint>
#include <cstdlib>

#include "libmailcore/store/local/log_records.h"

using namespace ostler::store::local;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view content(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto type = static_cast<std::uint16_t>(data[0] % 15);
  const auto record = decode(type, content);
  if (!record) return 0;
  if (typeOf(*record) != type) std::abort();
  const std::string again = encode(*record);
  const auto same = decode(type, again);
  if (!same || *same != *record) std::abort();
  return 0;
}
