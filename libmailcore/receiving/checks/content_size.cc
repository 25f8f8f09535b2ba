// content_size.cc - no more content than the virtual server, the account and the rest of the session allow.
#include <algorithm>

#include "libmailcore/receiving/checks.h"

namespace ostler::receiving {

std::optional<smtp::Reply> contentSize(const Visit& visit) {
  const config::SmtpLimits& limits = visit.server.limits;
  const std::uint64_t session = limits.sessionSize.octets;
  const bool sessionFull = session != 0 && visit.content.octets > session - std::min(visit.sessionOctets, session - 1);
  const bool accountFull = visit.accountMessageSize != 0 && visit.content.octets > visit.accountMessageSize;
  if (!sessionFull && !accountFull && limits.messageSize.allows(visit.content.octets)) return std::nullopt;
  return smtp::Reply{552, "5.3.4", "Message too big"};
}

}  // namespace ostler::receiving
