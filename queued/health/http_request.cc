#include "queued/health/http_request.h"

#include "libmailcore/base/ascii.h"

namespace ostler::health {

// request-line = method SP request-target SP HTTP-version: RFC 9112 3
Result<HttpRequest> parseHttpRequest(std::string_view head) {
  const std::string_view line = head.substr(0, head.find("\r\n"));
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return fail(Error::Kind::syntax, "http: no request line");
  const std::string_view target = line.substr(first + 1, last - first - 1);
  if (!line.substr(last + 1).starts_with("HTTP/1.")) return fail(Error::Kind::syntax, "http: not HTTP/1");
  if (!target.starts_with('/')) return fail(Error::Kind::syntax, "http: no path");
  for (const char c : line.substr(0, last)) {
    if (c < ' ' || c == '\x7f') return fail(Error::Kind::syntax, "http: a control character");
  }
  return HttpRequest{std::string(line.substr(0, first)), std::string(target.substr(0, target.find_first_of("?# ")))};
}

}  // namespace ostler::health
