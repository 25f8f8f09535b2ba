// pipelining.cc - some commands are the last of their group, and before EHLO offered it nothing is sent ahead at all: RFC 2920 3.1. Who
// sends content before we asked for it is a spammer's tool, or smuggles commands through a proxy. Clients known to us may be clumsy.
#include "libmailcore/receiving/checks.h"

namespace ostler::receiving {

std::optional<smtp::Reply> pipelining(const Visit& visit) {
  const bool isKnown = visit.authenticated || visit.client == nullptr || visit.isOn(visit.server.relayFrom);
  if (!visit.sentAhead || isKnown) return std::nullopt;
  return smtp::Reply{554, "5.5.0", "You did not wait for the reply to this command"};
}

}  // namespace ostler::receiving
