// login_required.cc - submission (RFC 6409 4.3), and wherever the virtual server knows no strangers.
#include "libmailcore/receiving/checks.h"

namespace ostler::receiving {

std::optional<smtp::Reply> loginRequired(const Visit& visit) {
  const bool wanted = visit.kind == config::SmtpKind::submission || (visit.server.authRequired && visit.kind == config::SmtpKind::mx);
  if (!wanted || visit.authenticated) return std::nullopt;
  return smtp::Reply{530, "5.7.0", "Authentication required"};
}

}  // namespace ostler::receiving
