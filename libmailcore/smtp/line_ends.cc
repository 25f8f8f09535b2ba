#include "libmailcore/smtp/line_ends.h"

#include <cstring>

namespace ostler::smtp {

void LineEnds::look(std::string_view octets) {
  if (bare_ || octets.empty()) return;
  if (last_ == '\r' && octets.front() != '\n') bare_ = true;
  std::size_t at = 0;
  while (!bare_ && at < octets.size()) {
    const std::size_t lf = octets.find('\n', at);
    const std::size_t end = lf == std::string_view::npos ? octets.size() : lf;
    const std::size_t cr = octets.substr(0, end).find('\r', at);
    const bool crWhereItBelongs = cr == std::string_view::npos ? end == octets.size() : cr + 1 == end;
    const bool crCameBefore = end == 0 && last_ == '\r';
    if (!crWhereItBelongs && !crCameBefore) bare_ = true;
    at = end + 1;
  }
  last_ = octets.back();
}

}  // namespace ostler::smtp
