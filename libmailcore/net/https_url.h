// https_url.h - an address such as https://id.example.com:8443/introspect, as the configuration gives it. Pure.
// RFC 3986 3, RFC 9110 4.2.2. No user, no password, no fragment.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "libmailcore/base/result.h"

namespace ostler::net {

struct HttpsUrl {
  std::string host;  ///< a name, or an address without its brackets
  std::uint16_t port = 443;
  std::string target = "/";  ///< path and query, as the request line wants them
  /// What the Host field says: the port where it is not 443. RFC 9110 7.2.
  [[nodiscard]] std::string authority() const;
  bool operator==(const HttpsUrl&) const = default;
};

/// Errors: syntax, in words for an administrator.
[[nodiscard]] Result<HttpsUrl> parseHttpsUrl(std::string_view text);

}  // namespace ostler::net
