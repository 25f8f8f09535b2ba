// recipient_limit.cc - how many recipients one message may have.
#include "libmailcore/receiving/checks.h"

namespace ostler::receiving {

std::optional<smtp::Reply> recipientLimit(const Visit& visit) {
  const std::uint64_t most = visit.server.limits.recipients;
  if (most == 0 || visit.recipients < most) return std::nullopt;
  return smtp::Reply{452, "4.5.3", "Too many recipients"};
}

}  // namespace ostler::receiving
