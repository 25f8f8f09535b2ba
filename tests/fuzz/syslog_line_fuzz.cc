// A line that one of our processes hands to the relay: the parts lie in the line, and the message is its end.
#include <cassert>

#include "queued/out/log_relay.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const auto parts = ostler::out::parseSyslogLine(line);
  if (parts) assert(parts->priority <= 191 && line.ends_with(parts->message) && line.find(parts->program) != std::string_view::npos);
  return 0;
}
