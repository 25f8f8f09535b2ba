// Content goes through DATA and comes out the same, however it is cut; only CRLF dot CRLF ends it.
#include <algorithm>
#include <cassert>

#include "libmailcore/smtp/dot_stuffing.h"

using namespace ostler::smtp;

namespace {

// What the stuffer promises to make of line ends.
std::string withCrlf(std::string_view content) {
  std::string out;
  for (std::size_t at = 0; at < content.size(); ++at) {
    if (content[at] == '\r') {
      out += "\r\n";
      if (at + 1 < content.size() && content[at + 1] == '\n') ++at;
    } else if (content[at] == '\n') {
      out += "\r\n";
    } else {
      out += content[at];
    }
  }
  if (!out.empty() && !out.ends_with("\r\n")) out += "\r\n";
  return out;
}

std::string unstuff(std::string_view octets, std::size_t step, bool& done) {
  DotUnstuffer unstuffer;
  std::string content;
  while (!octets.empty() && !unstuffer.done()) octets.remove_prefix(unstuffer.take(octets.substr(0, step), content));
  done = unstuffer.done();
  return content;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t step = 1U + data[0];
  const std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
  DotStuffer stuffer;
  std::string sent;
  for (std::size_t at = 0; at < input.size(); at += step) stuffer.add(input.substr(at, step), sent);
  stuffer.finish(sent);
  bool done = false;
  assert(unstuff(sent, step, done) == withCrlf(input));
  assert(done && sent.ends_with(".\r\n"));

  bool whole = false;
  bool cut = false;
  assert(unstuff(input, input.size() + 1, whole) == unstuff(input, step, cut));
  assert(whole == cut);
  assert(whole == (input.starts_with(".\r\n") || input.find("\r\n.\r\n") != std::string_view::npos));
  return 0;
}
