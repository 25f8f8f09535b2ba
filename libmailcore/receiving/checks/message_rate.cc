// message_rate.cc - how many messages a minute may bring, of one client and of its network. Who logged in has limits of its own.
#include "libmailcore/receiving/checks.h"

namespace ostler::receiving {

std::optional<smtp::Reply> messageRate(const Visit& visit) {
  const config::SmtpRates& rates = visit.server.rates;
  if (visit.isExempt() || visit.authenticated) return std::nullopt;
  const bool fine = visit.rates.take(clientKey("message" + visit.server.name, *visit.client), rates.messages, visit.now) &&
                    visit.rates.take(networkKey("message/" + visit.server.name, *visit.client), rates.networkMessages, visit.now);
  if (fine) return std::nullopt;
  return smtp::Reply{450, "4.7.1", "Too many messages from your address, try again later"};
}

}  // namespace ostler::receiving
