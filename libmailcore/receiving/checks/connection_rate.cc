// connection_rate.cc - how many connections a minute may bring, of one client and of its network.
#include "libmailcore/receiving/checks.h"

namespace ostler::receiving {

std::optional<smtp::Reply> connectionRate(const Visit& visit) {
  const config::SmtpRates& rates = visit.server.rates;
  if (visit.isExempt()) return std::nullopt;
  const bool fine = visit.rates.take(clientKey("connection" + visit.server.name, *visit.client), rates.connections, visit.now) &&
                    visit.rates.take(networkKey("connection/" + visit.server.name, *visit.client), rates.networkConnections, visit.now);
  if (fine) return std::nullopt;
  return smtp::Reply{421, "4.7.0", "Too many connections from your address, try again later"};
}

}  // namespace ostler::receiving
