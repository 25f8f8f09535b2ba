// http_request.h - the head of an HTTP request, as far as three fixed pages need it. Pure.
// RFC 9112 3 (request line), RFC 9110 9.3 (GET, HEAD).
#pragma once

#include <string>
#include <string_view>

#include "libmailcore/base/result.h"

namespace ostler::health {

struct HttpRequest {
  std::string method;
  std::string path;  ///< without the query
};

/// The longest head that is read.
inline constexpr std::size_t kMaxHead = 8192;

/// REQUIRES: `head` goes up to the empty line. Errors: syntax.
[[nodiscard]] Result<HttpRequest> parseHttpRequest(std::string_view head);

}  // namespace ostler::health
