// own_name.cc - who says in HELO that it is us is not. Off unless check_helo is set: RFC 5321 4.1.4 wants no refusal for that.
// Told to every recipient but postmaster, whom everybody may reach: RFC 5321 4.5.1.
#include "libmailcore/base/ascii.h"
#include "libmailcore/receiving/checks.h"

namespace ostler::receiving {

std::optional<smtp::Reply> ownName(const Visit& visit) {
  const bool isOurs = visit.authenticated || visit.client == nullptr || visit.client->isLoopback() || visit.isOn(visit.server.relayFrom);
  const bool looks = visit.server.checkHelo && visit.kind == config::SmtpKind::mx && !isOurs;
  if (!looks || !equalsIgnoreCase(visit.helo, visit.hostName)) return std::nullopt;
  return smtp::Reply{550, "5.7.1", "That is the name of this server: say who you are"};
}

}  // namespace ostler::receiving
