// An ASCII needle is found exactly where a plain comparison finds it; a message never crashes the search.
#include <cassert>
#include <cstdint>

#include "libmailcore/base/ascii.h"
#include "libmailcore/message/search_text.h"

using namespace ostler::message;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t length = std::min<std::size_t>(data[0] % 16U, input.size());
  const std::string_view needle = input.substr(0, length);
  const std::string_view text = input.substr(length);
  if (ostler::isAllAscii(needle)) {
    const bool expected = ostler::asciiLower(text).find(ostler::asciiLower(needle)) != std::string::npos;
    assert(CaseFinder(needle).foundIn(text) == expected);
  }
  Window octets(text);
  (void)TextMatcher(needle, SearchScope::text).matches(octets);
  (void)headerMatches(text, "Subject", CaseFinder(needle));
  return 0;
}
