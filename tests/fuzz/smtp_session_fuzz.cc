// A whole session against whatever a client sends. Whatever that is: it ends, every draft is committed or discarded, no
// message has a bare line end, and nobody who is no recipient of ours gets mail without AUTH.
#include <cassert>

#include "libmailcore/ipc/envelope.h"
#include "tests/unit/smtpd/stage.h"

using namespace ostler;
using namespace ostler::smtpd;

namespace {

Task<void> sendAndReadAll(Caller& caller, std::string octets) {
  co_await caller.send(std::move(octets));
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Stage stage;
  stage.server().limits.messageSize = {2000};
  stage.plan.listener.kind = static_cast<config::SmtpKind>(data[0] % 3);
  if ((data[0] & 4) != 0) stage.allowPlaintext();
  // A prologue lets the fuzzer begin where it is interesting.
  std::string octets;
  const std::string hello = stage.plan.listener.kind == config::SmtpKind::lmtp ? "LHLO x\r\n" : "EHLO x\r\n";
  if ((data[0] & 8) != 0) octets = hello + "MAIL FROM:<a@b>\r\nRCPT TO:<alice@example.test>\r\n";
  if ((data[0] & 24) == 24) octets += "DATA\r\n";
  octets.append(reinterpret_cast<const char*>(data + 1), size - 1);
  auto [server, client] = net::MemoryStream::makePair(stage.loop, 1U << 20);
  {
    Session session(stage.around, stage.arrival(std::move(server)));
    TaskScope scope(stage.loop);
    scope.spawn(session.run());
    Caller caller(stage.loop, std::move(client));
    stage.loop.runUntilDone(sendAndReadAll(caller, std::move(octets)));
    const Result<void> idle = stage.loop.runUntilDone(scope.whenIdle(Deadline::after(std::chrono::seconds(20))));
    assert(idle);
  }
  assert(stage.policy.openDrafts() == 0);
  for (const FakePolicy::Message& message : stage.policy.accepted) {
    assert(!hasBareLineEnd(message.content));
    assert(message.content.size() < 2000 + 2000);
    for (const ipc::Recipient& recipient : message.envelope.recipients) {
      const bool ours = recipient.forwardPath.ends_with("@example.test") || recipient.forwardPath == "postmaster";
      assert(ours || !message.session.token.empty());
    }
  }
  return 0;
}
