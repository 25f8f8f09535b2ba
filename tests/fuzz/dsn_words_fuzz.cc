// dsn_words_fuzz.cc - words that were read hold no line end, and what is filled in leaves no mark behind.
#include <cassert>
#include <cstdint>
#include <string_view>

#include "libmailcore/message/dsn_words.h"

using namespace ostler::message;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto words = DsnWords::parse(input)) {
    for (const std::string_view key : DsnWords::keys()) assert(words->get(key, "").find('\n') == std::string_view::npos);
  }
  assert(fillIn(input, "host", "x").find("{host}") == std::string::npos || input.find("{") != std::string_view::npos);
  return 0;
}
