// closed.cc - a host that takes no mail at all says so at once: RFC 7504 3 (521).
#include "libmailcore/receiving/checks.h"

namespace ostler::receiving {

std::optional<smtp::Reply> closed(const Visit& visit) {
  if (!visit.server.closed) return std::nullopt;
  return smtp::Reply{521, "", "This host does not accept mail"};
}

}  // namespace ostler::receiving
