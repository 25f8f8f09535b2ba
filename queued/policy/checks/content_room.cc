// content_room.cc - a message whose size was not declared and that fits into none of its mailboxes is refused at the end of its content, not
// by a report to a sender who may be forged. While one takes it, it is taken: whom it did not reach the sender is told. For good, as in a
// report: a client that tried again would send all of it each time.
#include <fmt/format.h>

#include "libmailcore/ipc/envelope.h"
#include "queued/policy/checks.h"

namespace ostler::policy {

std::optional<ipc::SmtpReply> contentRoom(const Facts& facts) {
  if (!facts.nobodyHasRoom) return std::nullopt;
  const char* const where = facts.recipients.size() == 1 ? "The mailbox has" : "None of the mailboxes has";
  return ipc::SmtpReply{552, "5.2.2", fmt::format("{} room for these {} octets. Send less, or tell its owner another way", where, facts.octets)};
}

}  // namespace ostler::policy
