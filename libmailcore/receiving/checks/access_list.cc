// access_list.cc - "only these" or "all but these", by network. Names are asked of queued, which can look them up.
#include "libmailcore/receiving/checks.h"

namespace ostler::receiving {

std::optional<smtp::Reply> accessList(const Visit& visit) {
  const config::ClientList& only = visit.server.accessOnly;
  const bool mayStillBeNamed = !only.names.empty();
  const bool shutOut = visit.isOn(visit.server.accessExcept.networks) ||
                       (!only.empty() && !mayStillBeNamed && visit.client != nullptr && !visit.isOn(only.networks));
  if (!shutOut) return std::nullopt;
  return smtp::Reply{554, "", "Your address may not connect here"};
}

}  // namespace ostler::receiving
