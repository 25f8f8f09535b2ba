// The head of an HTTP request: whatever comes, a path that is accepted begins with a slash and has no control character.
#include <cassert>
#include <cstdint>
#include <string_view>

#include "queued/health/http_request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view head(reinterpret_cast<const char*>(data), size);
  if (const auto request = ostler::health::parseHttpRequest(head)) {
    assert(request->path.starts_with('/'));
    for (const char c : request->path) assert(static_cast<unsigned char>(c) >= ' ' && c != '\x7f');
  }
  return 0;
}
