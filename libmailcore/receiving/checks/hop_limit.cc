// hop_limit.cc - a message that has come by so many servers goes in a circle, and has to end somewhere: postmaster's, too.
// RFC 5321 6.3.
#include "libmailcore/receiving/checks.h"

namespace ostler::receiving {

std::optional<smtp::Reply> hopLimit(const Visit& visit) {
  const unsigned hops = visit.server.limits.hops;
  if (hops == 0 || visit.content.received <= hops) return std::nullopt;
  return smtp::Reply{554, "5.4.6", "Too many hops: this message loops"};
}

}  // namespace ostler::receiving
