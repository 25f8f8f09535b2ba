// call_ahead.cc - a recipient that the server behind us does not have is refused here, not bounced.
#include "queued/policy/checks.h"

#include "libmailcore/ipc/envelope.h"

namespace ostler::policy {

std::optional<ipc::SmtpReply> callAhead(const Facts& facts) {
  return facts.carrierRefuses;
}

}  // namespace ostler::policy
