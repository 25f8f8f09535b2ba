// mailbox_room.cc - a mailbox that is full is told at RCPT, not by a bounce.
#include "queued/policy/checks.h"

#include "libmailcore/ipc/envelope.h"

namespace ostler::policy {

std::optional<ipc::SmtpReply> mailboxRoom(const Facts& facts) {
  const ipc::SmtpReply verdict = roomVerdict(facts.fill);
  if (verdict.code == 250) return std::nullopt;
  return verdict;
}

}  // namespace ostler::policy
