// prepare() takes anything; the facts are those that a look at each octet finds.
#include <cassert>
#include <cstdint>

#include "libmailcore/message/prepared.h"

using namespace ostler::message;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view content(reinterpret_cast<const char*>(data), size);
  const Prepared prepared = prepare(content);
  bool stuffing = false, bare = false, nul = false, high = false;
  std::uint64_t lines = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const char c = content[i];
    stuffing |= c == '.' && (i == 0 || content[i - 1] == '\n');
    bare |= c == '\n' && (i == 0 || content[i - 1] != '\r');
    bare |= c == '\r' && (i + 1 == size || content[i + 1] != '\n');
    nul |= c == '\0';
    high |= static_cast<unsigned char>(c) > 127;
    lines += c == '\n';
  }
  assert(prepared.facts.needsDotStuffing == stuffing && prepared.facts.hasBareLineEnds == bare);
  assert(prepared.facts.isBinary == nul && prepared.facts.has8Bit == high && prepared.facts.lines == lines);
  return 0;
}
