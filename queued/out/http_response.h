// http_response.h - an HTTP/1.1 response, as far as one answer to one POST needs it. Pure.
// RFC 9112 4 (status line), 5 (fields), 6.3 (how long the content is), 7.1 (chunks).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "libmailcore/base/result.h"

namespace ostler::out {

struct HttpResponse {
  unsigned status = 0;
  std::string content;
};

/// May there be more octets than these?
enum class Octets { moreMayCome, areAll };

/// Nothing: it is not complete yet. Errors: syntax (also: the end came too early).
[[nodiscard]] Result<std::optional<HttpResponse>> parseHttpResponse(std::string_view octets, Octets rest);

}  // namespace ostler::out
