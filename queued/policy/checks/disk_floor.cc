// disk_floor.cc - new mail is refused before the disk of the queue is full.
#include "queued/policy/checks.h"

#include "libmailcore/ipc/envelope.h"

namespace ostler::policy {

std::optional<ipc::SmtpReply> diskFloor(const Facts& facts) {
  if (facts.diskHasRoom) return std::nullopt;
  return ipc::SmtpReply{452, "4.3.1", "Insufficient system storage, try again later"};
}

}  // namespace ostler::policy
