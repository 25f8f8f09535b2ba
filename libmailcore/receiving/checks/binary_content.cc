// binary_content.cc - what is not made of lines cannot end with one: BINARYMIME goes with BDAT alone.
#include "libmailcore/receiving/checks.h"

namespace ostler::receiving {

std::optional<smtp::Reply> binaryContent(const Visit& visit) {
  if (!visit.binary) return std::nullopt;
  return smtp::Reply{503, "5.5.1", "BINARYMIME goes with BDAT"};
}

}  // namespace ostler::receiving
