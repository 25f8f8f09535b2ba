// recipient_limit.cc - how many recipients one message may have.
#include "smtpd/checks.h"

namespace ostler::smtpd::checks {

std::optional<smtp::Reply> recipientLimit(const Visit& visit) {
  const std::uint64_t most = visit.server.limits.recipients;
  if (most == 0 || visit.recipients < most) return std::nullopt;
  return smtp::Reply{452, "4.5.3", "Too many recipients"};
}

}  // namespace ostler::smtpd::checks
