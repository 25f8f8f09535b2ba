// early_talker.cc - a client that talks before it is greeted has not read the standard: RFC 5321 3.1. Waited for with limits.greeting_delay.
#include "libmailcore/receiving/checks.h"

namespace ostler::receiving {

std::optional<smtp::Reply> earlyTalker(const Visit& visit) {
  if (!visit.talkedEarly) return std::nullopt;
  return smtp::Reply{554, "", "You talked before the greeting"};
}

}  // namespace ostler::receiving
