// recipient_rate.cc - how many recipients a minute may bring, of one client.
#include "libmailcore/receiving/checks.h"

namespace ostler::receiving {

std::optional<smtp::Reply> recipientRate(const Visit& visit) {
  if (visit.isExempt() || visit.authenticated) return std::nullopt;
  if (visit.rates.take(clientKey("recipient" + visit.server.name, *visit.client), visit.server.rates.recipients, visit.now)) return std::nullopt;
  return smtp::Reply{450, "4.7.1", "Too many recipients from your address, try again later"};
}

}  // namespace ostler::receiving
