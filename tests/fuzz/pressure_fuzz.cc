// What a remote host says of itself: whatever it is, the answer is a line for people, and how the letters are written changes nothing.
#include <cassert>
#include <cctype>
#include <cstdint>
#include <string>

#include "libmailcore/smtp/pressure.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  const int code = 400 + data[0] % 110;
  const std::string enhanced = text.substr(0, text.find(' ')).substr(0, 11);
  const auto pressure = ostler::smtp::pressureOf(code, enhanced, text);
  assert(!pressure.isFelt || (code < 500 && !pressure.rule.empty()));
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const auto loud = ostler::smtp::pressureOf(code, enhanced, text);
  assert(loud.isFelt == pressure.isFelt && loud.rule == pressure.rule);
  return 0;
}
