// A whole session against whatever a client sends. Whatever that is: it ends, every draft is committed or discarded, no
// message has a bare line end but one of BINARYMIME, and nobody who is no recipient of ours gets mail without AUTH.
#include "libmailcore/ipc/envelope.h"
#include "tests/fuzz/smtp_play.h"

using namespace ostler;
using namespace ostler::smtpd;

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
  play(stage, octets);
  assert(stage.policy.openDrafts() == 0);
  for (const FakePolicy::Message& message : stage.policy.accepted) {
    assert(message.envelope.binary || !hasBareLineEnd(message.content));
    assert(message.content.size() < 2000 + 2000);
    for (const ipc::Recipient& recipient : message.envelope.recipients) {
      const bool ours = recipient.forwardPath.ends_with("@example.test") || recipient.forwardPath == "postmaster";
      assert(ours || !message.session.token.empty());
    }
  }
  return 0;
}
