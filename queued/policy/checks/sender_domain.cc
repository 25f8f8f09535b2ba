// sender_domain.cc - what a stranger sends can be answered: its domain exists (RFC 5321 3.3) and takes mail (RFC 7505 4.2).
#include "queued/policy/checks.h"

#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/lookup.h"

namespace ostler::policy {

std::optional<ipc::SmtpReply> senderDomainExists(const Facts& facts) {
  if (facts.senderDomain.state == ipc::LookedUp::State::no) {
    return ipc::SmtpReply{550, "5.1.8", "The domain of the sender does not exist"};
  }
  if (facts.senderDomain.state == ipc::LookedUp::State::nullMx) {
    return ipc::SmtpReply{550, "5.7.27", "The domain of the sender takes no mail (null MX), so nobody could be told of a failure"};
  }
  return std::nullopt;  // "later": a name server that is away is no reason to keep mail out
}

}  // namespace ostler::policy
