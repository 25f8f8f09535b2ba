// reverse_dns.cc - a client has a name that leads back to its address. Off unless set: many good servers have none.
#include "queued/policy/checks.h"

#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/lookup.h"

namespace ostler::policy {

std::optional<ipc::SmtpReply> reverseDns(const Facts& facts) {
  if (!facts.server.checkReverseDns) return std::nullopt;
  if (facts.clientName.state == ipc::LookedUp::State::no) return ipc::SmtpReply{554, "5.7.25", "Your address has no name that leads back to it"};
  if (facts.clientName.state == ipc::LookedUp::State::later) return ipc::SmtpReply{421, "4.7.25", "Your name cannot be looked up now, try again later"};
  return std::nullopt;
}

}  // namespace ostler::policy
