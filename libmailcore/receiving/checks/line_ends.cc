// line_ends.cc - a bare CR or LF is how mail is smuggled: what one server takes for the end of a message the next does not.
#include "libmailcore/receiving/checks.h"

namespace ostler::receiving {

std::optional<smtp::Reply> lineEnds(const Visit& visit) {
  if (visit.binary || !visit.content.bareLineEnd) return std::nullopt;
  return smtp::Reply{550, "5.6.0", "A line of the message ends in CR or LF alone"};
}

}  // namespace ostler::receiving
