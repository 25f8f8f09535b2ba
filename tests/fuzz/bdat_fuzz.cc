// Content goes through BDAT and comes out the same, however it is cut into chunks and however the octets arrive; what stands in it is
// never a command. RFC 3030 2; RFC 5321 2.3.8 (a bare CR or LF is refused, but in BINARYMIME).
#include <cassert>

#include "tests/unit/smtpd/stage.h"

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

Task<void> sendInPackets(Caller& caller, std::string octets, std::size_t packet) {
  for (std::size_t at = 0; at < octets.size(); at += packet) co_await caller.send(octets.substr(at, packet));
  caller.hangUp();
  while (true) {
    const auto some = co_await caller.connection().readSome(65536, Deadline::after(std::chrono::seconds(20)));
    if (!some || some->empty()) co_return;
  }
}

bool hasBareLineEnd(std::string_view content) {
  for (std::size_t at = 0; at < content.size(); ++at) {
    if (content[at] == '\n' && (at == 0 || content[at - 1] != '\r')) return true;
    if (content[at] == '\r' && (at + 1 == content.size() || content[at + 1] != '\n')) return true;
  }
  return false;
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
  const std::string_view content(reinterpret_cast<const char*>(data + 2), size - 2);
  Stage stage;
  auto [server, client] = net::MemoryStream::makePair(stage.loop, 1U << 20);
  {
    Session session(stage.around, stage.arrival(std::move(server)));
    TaskScope scope(stage.loop);
    scope.spawn(session.run());
    Caller caller(stage.loop, std::move(client));
    stage.loop.runUntilDone(sendInPackets(caller, dialogueOf(content, shape), shape.packet));
    const Result<void> idle = stage.loop.runUntilDone(scope.whenIdle(Deadline::after(std::chrono::seconds(20))));
    assert(idle);
  }
  assert(stage.policy.openDrafts() == 0);
  const bool refused = !shape.binary && hasBareLineEnd(content);
  assert(stage.policy.accepted.size() == (refused ? 0U : 1U));
  assert(refused || stage.policy.accepted.front().asSent() == expected(content, shape.binary));
  return 0;
}
