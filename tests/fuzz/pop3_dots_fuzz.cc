// A client that takes the dots out again gets the message, in whatever pieces it was read.
#include <cassert>
#include <cstdint>

#include "pop3d/content_writer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view content(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece = data[0] % 32 + 1U;
  ostler::pop3::DotStuffer stuffer(std::nullopt);
  std::string sent;
  for (std::size_t at = 0; at < content.size(); at += piece) stuffer.add(content.substr(at, piece), sent);
  stuffer.finish(sent);

  std::string got;
  std::size_t at = 0;
  for (;;) {
    const std::size_t lf = sent.find('\n', at);
    assert(lf != std::string::npos);
    std::string line = sent.substr(at, lf + 1 - at);
    at = lf + 1;
    if (line == ".\r\n") break;
    got += line.starts_with('.') ? line.substr(1) : line;
  }
  assert(at == sent.size());
  if (!content.empty() && !content.ends_with('\n')) {
    got.resize(got.size() - (content.ends_with('\r') ? 1 : 2));  // the line end that was added
  }
  assert(got == content);
  return 0;
}
