// submission_login.cc - our users log in before they send.
#include "queued/policy/checks.h"

#include "libmailcore/ipc/envelope.h"

namespace ostler::policy {

std::optional<ipc::SmtpReply> submissionLogin(const Facts& facts) {
  const bool authenticated = facts.client.identity != nullptr && facts.client.identity->known;
  if (facts.client.service != "submission" || authenticated) return std::nullopt;
  return ipc::SmtpReply{530, "5.7.0", "Authentication required: log in before sending"};
}

}  // namespace ostler::policy
