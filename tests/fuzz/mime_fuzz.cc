// The sections of every part have the size that BODYSTRUCTURE shows, and BODYSTRUCTURE is well-formed.
#include <cstdio>
#include <cstdlib>

#include "tests/unit/libmailcore/message/structure_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string wrong = ostler::message::checkStructure({reinterpret_cast<const char*>(data), size});
  if (!wrong.empty()) {
    std::fprintf(stderr, "%s\n", wrong.c_str());
    std::abort();
  }
  return 0;
}
