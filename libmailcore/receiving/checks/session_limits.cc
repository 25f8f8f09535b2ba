// session_limits.cc - how many messages, and how much content, one connection may bring.
#include "libmailcore/receiving/checks.h"

namespace ostler::receiving {

std::optional<smtp::Reply> sessionLimits(const Visit& visit) {
  const config::SmtpLimits& limits = visit.server.limits;
  if (limits.messagesPerConnection != 0 && visit.messages >= limits.messagesPerConnection) {
    return smtp::Reply{421, "4.7.0", "Too many messages on this connection"};
  }
  if (limits.sessionSize.octets != 0 && visit.sessionOctets >= limits.sessionSize.octets) {
    return smtp::Reply{421, "4.7.0", "Too much content on this connection"};
  }
  return std::nullopt;
}

}  // namespace ostler::receiving
