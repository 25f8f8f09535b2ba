// Whatever is sent as BINARYMIME, what comes out is lines without NUL, and stays as it is when it is asked for again.
#include <cassert>
#include <cstdint>

#include "libmailcore/message/binary.h"

using namespace ostler::message;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string out = withoutBinary(input);
  assert(!isBinary(out));
  return 0;
}
