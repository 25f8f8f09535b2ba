// Any octets unpack to views inside them or to nothing.
#include <cstdint>
#include <cstdlib>

#include "libmailcore/store/summary.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  if (const auto view = ostler::store::unpackSummary(octets)) {
    if (view->searchSubject.size() > size || view->references.size() > size) std::abort();
    if (!view->references.empty() && view->references.data() + view->references.size() != octets.data() + size) std::abort();
  }
  return 0;
}
