// mailbox_room.cc - a mailbox that has no room for the size that was declared is told at RCPT, not by a bounce. Postmaster's as well: RFC
// 5321 4.5.1 has its mail taken past all checks, and what is over its quota could not be delivered.
#include "queued/policy/checks.h"

#include "libmailcore/ipc/envelope.h"

namespace ostler::policy {

std::optional<ipc::SmtpReply> mailboxRoom(const Facts& facts) {
  const ipc::SmtpReply verdict = roomVerdict(facts.fill, facts.declaredSize);
  if (verdict.code == 250) return std::nullopt;
  return verdict;
}

}  // namespace ostler::policy
