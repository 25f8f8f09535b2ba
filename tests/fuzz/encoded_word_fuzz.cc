// Decoded text is one line of UTF-8; encoded text decodes to what it was.
#include <cassert>
#include <cstdint>

#include "libmailcore/base/ascii.h"
#include "libmailcore/message/encoded_word.h"

using namespace ostler::message;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string decoded = decodeEncodedWords({reinterpret_cast<const char*>(data), size});
  assert(ostler::isValidUtf8(decoded));
  assert(decoded.find_first_of("\r\n") == std::string::npos);
  if (decoded == ostler::trim(decoded) && decoded.find("=?") == std::string::npos)
    assert(decodeEncodedWords(encodeWords(decoded, 30)) == decoded);
  return 0;
}
