// tls_required.cc - no mail in clear text, where the virtual server wants that: postmaster's neither, or it would not be required. RFC 3207 4
// forbids this to a server that the public sends to, and so it is off unless set.
#include "libmailcore/receiving/checks.h"

namespace ostler::receiving {

std::optional<smtp::Reply> tlsRequired(const Visit& visit) {
  if (!visit.server.tlsRequired || visit.tls || visit.client == nullptr) return std::nullopt;
  return smtp::Reply{530, "5.7.0", "Must issue a STARTTLS command first"};
}

}  // namespace ostler::receiving
