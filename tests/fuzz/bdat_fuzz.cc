// Content goes through BDAT and comes out the same, however it is cut into chunks and however the octets arrive; what stands in it is
// never a command. RFC 3030 2; RFC 5321 2.3.8 (a bare CR or LF is refused, but in BINARYMIME).
#include "tests/fuzz/smtp_play.h"

using namespace ostler;
using namespace ostler::smtpd;

namespace {

struct Shape {
  std::size_t chunk, packet;
  bool binary, emptyLast;
};

std::string dialogueOf(std::string_view content, const Shape& shape) {
  std::string out = "EHLO x\r\nMAIL FROM:<a@b>";
  out += shape.binary ? " BODY=BINARYMIME\r\n" : "\r\n";
  out += "RCPT TO:<alice@example.test>\r\n";
  do {
    const std::string_view chunk = content.substr(0, shape.chunk);
    content.remove_prefix(chunk.size());
    out += "BDAT " + std::to_string(chunk.size()) + (content.empty() && !shape.emptyLast ? " LAST\r\n" : "\r\n") + std::string(chunk);
  } while (!content.empty());
  if (shape.emptyLast) out += "BDAT 0 LAST\r\n";
  return out + "QUIT\r\n";
}

std::string expected(std::string_view content, bool binary) {
  std::string out(content);
  if (!binary && !out.empty() && !out.ends_with("\r\n")) out += "\r\n";
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Shape shape{1U + (data[0] & 63U), 1U + data[1], (data[0] & 64) != 0, (data[0] & 128) != 0};
  const std::string content = "\r\n" + std::string(reinterpret_cast<const char*>(data + 2), size - 2);  // behind an empty header
  Stage stage;
  play(stage, dialogueOf(content, shape), shape.packet);
  assert(stage.policy.openDrafts() == 0);
  const bool refused = !shape.binary && hasBareLineEnd(content);
  assert(stage.policy.accepted.size() == (refused ? 0U : 1U));
  assert(refused || stage.policy.accepted.front().asSent() == expected(content, shape.binary));
  return 0;
}
