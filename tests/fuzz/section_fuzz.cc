// Any section of any message lies within the message.
#include <cassert>
#include <cstdint>

#include "libmailcore/message/section.h"

using namespace ostler::message;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto section = parseSection(input.substr(0, input.find('\n')));
  const std::string_view content = input.substr(std::min(input.find('\n'), input.size()));
  if (!section) return 0;
  Window octets(content);
  const Structure structure = parseStructure(octets);
  const auto found = findSection(structure, octets, *section);
  if (found) assert(found->in(content).size() == found->length());
  const auto decoded = decodeSection(structure, octets, section->part);
  const auto decodedOctets = decodedSize(structure, octets, section->part);
  assert(decoded.has_value() == decodedOctets.has_value());
  if (decoded) assert(decoded->size() == *decodedOctets);
  return 0;
}
