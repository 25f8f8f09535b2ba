#include "libmailcore/net/https_url.h"

#include <algorithm>

#include "libmailcore/base/ascii.h"

namespace ostler::net {

namespace {

constexpr std::string_view kScheme = "https://";

bool isHostOctet(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}
bool isAddressOctet(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
}
// Of a path or a query; what else there is belongs percent-encoded (RFC 3986 2.1).
bool isTargetOctet(char c) { return c > ' ' && c < '\x7f' && std::string_view("\"<>\\^`{|}#").find(c) == std::string_view::npos; }

}  // namespace

std::string HttpsUrl::authority() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == 443 ? name : name + ":" + std::to_string(port);
}

// "https://" host [ ":" port ] [ path ] [ "?" query ]
Result<HttpsUrl> parseHttpsUrl(std::string_view text) {
  const auto refuse = [](const char* why) { return fail(Error::Kind::syntax, std::string("not an address such as https://id.example.com/introspect: ") + why); };
  if (!startsWithIgnoreCase(text, kScheme)) return refuse("it must begin with https://");
  std::string_view rest = text.substr(kScheme.size());
  const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, end);
  HttpsUrl url;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return refuse("its host has no ]");
    url.host = authority.substr(1, close - 1);
    if (!std::all_of(url.host.begin(), url.host.end(), isAddressOctet) || url.host.find(':') == std::string::npos) return refuse("its host is no address");
    authority.remove_prefix(close + 1);
  } else {
    const std::size_t colon = std::min(authority.find(':'), authority.size());
    url.host = asciiLower(authority.substr(0, colon));
    if (url.host.empty() || !std::all_of(url.host.begin(), url.host.end(), isHostOctet)) return refuse("it has no host");
    authority.remove_prefix(colon);
  }
  if (!authority.empty()) {
    const auto port = authority.front() == ':' ? parseDecimal(authority.substr(1), 65'535) : std::nullopt;
    if (!port || *port == 0) return refuse("its port is no number from 1 to 65535");
    url.port = static_cast<std::uint16_t>(*port);
  }
  rest.remove_prefix(end);
  if (!std::all_of(rest.begin(), rest.end(), isTargetOctet)) return refuse("its path has an octet that must be percent-encoded");
  if (!rest.empty()) url.target = rest.starts_with('/') ? std::string(rest) : "/" + std::string(rest);
  return url;
}

}  // namespace ostler::net
