// reverse_dns.cc - a client has a name that leads back to its address. Off unless set: many good servers have none.
// Asked at RCPT, so that postmaster is reached all the same (RFC 5321 4.5.1).
#include "queued/policy/checks.h"

#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/lookup.h"

namespace ostler::policy {

std::optional<ipc::SmtpReply> reverseDns(const Facts& facts) {
  if (!facts.server.checkReverseDns || !isStranger(facts)) return std::nullopt;
  if (facts.clientName.state == ipc::LookedUp::State::no) return ipc::SmtpReply{550, "5.7.25", "Your address has no name that leads back to it"};
  if (facts.clientName.state == ipc::LookedUp::State::later) return ipc::SmtpReply{451, "4.7.25", "Your name cannot be looked up now, try again later"};
  return std::nullopt;
}

}  // namespace ostler::policy
