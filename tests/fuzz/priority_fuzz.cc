// MT-Priority: what is written in front of whatever message reads as that; taken out, none is left.
#include <cassert>
#include <cstdint>

#include "libmailcore/message/priority.h"

using namespace ostler::message;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto value = priorityFields(input).value) assert(*value >= -9 && *value <= 9);
  assert(!priorityFields(withoutPriorityFields(input)).any);
  // What begins with a blank would go on with our field; a message that is relayed begins with a trace field.
  const bool isContinuation = input.starts_with(' ') || input.starts_with('\t');
  assert(isContinuation || priorityFields(withPriorityField(input, -9)).value == -9);
  return 0;
}
