#include "queued/out/http_response.h"

#include <vector>

#include "libmailcore/base/ascii.h"

namespace ostler::out {

namespace {

constexpr std::size_t kMostContent = 1U << 20;  // who reads has a limit of its own; this one keeps sums from running over

tl::unexpected<Error> notHttp(const char* what) { return fail(Error::Kind::syntax, std::string("http: ") + what); }

struct HttpHead {
  unsigned status = 0;
  bool isChunked = false;
  std::optional<std::size_t> length;
};

/// "HTTP/1.1 200 OK": RFC 9112 4.
Result<unsigned> statusOf(std::string_view line) {
  const bool isOne = line.size() >= 12 && line.starts_with("HTTP/1.") && line[8] == ' ' && (line.size() == 12 || line[12] == ' ');
  const auto status = isOne ? parseDecimal(line.substr(9, 3), 999) : std::nullopt;
  if (!status || *status < 100) return notHttp("no status line");
  return static_cast<unsigned>(*status);
}

Result<void> takeField(HttpHead& head, std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return notHttp("a field without a name");
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trim(line.substr(colon + 1));
  if (equalsIgnoreCase(name, "Transfer-Encoding")) {
    if (!equalsIgnoreCase(value, "chunked")) return notHttp("an encoding that nobody asked for");
    head.isChunked = true;
  }
  if (equalsIgnoreCase(name, "Content-Length")) {
    const auto length = parseDecimal(value, kMostContent);
    if (!length || (head.length && *head.length != *length)) return notHttp("a bad Content-Length");
    head.length = static_cast<std::size_t>(*length);
  }
  if (equalsIgnoreCase(name, "Content-Encoding") && !equalsIgnoreCase(value, "identity")) return notHttp("a coding that nobody asked for");
  return {};
}

Result<HttpHead> headOf(std::string_view text) {
  HttpHead head;
  const std::size_t first = std::min(text.find("\r\n"), text.size());
  const Result<unsigned> status = statusOf(text.substr(0, first));
  if (!status) return fail(status.error());
  head.status = *status;
  for (std::size_t at = first + 2; at < text.size();) {
    const std::size_t end = std::min(text.find("\r\n", at), text.size());
    const Result<void> taken = takeField(head, text.substr(at, end - at));
    if (!taken) return fail(taken.error());
    at = end + 2;
  }
  // Both at once is how responses are smuggled: RFC 9112 6.3.
  if (head.isChunked && head.length) return notHttp("a length and chunks");
  return head;
}

/// chunk-size [ chunk-ext ] CRLF; octets CRLF; ...; 0 CRLF; trailer; CRLF. RFC 9112 7.1. Nothing: not complete.
Result<std::optional<std::string>> unchunked(std::string_view octets) {
  constexpr std::size_t kLongestSize = 8;
  std::string content;
  while (true) {
    const std::size_t end = octets.find("\r\n");
    if (end == std::string_view::npos) return std::optional<std::string>();
    const std::string_view digits = trim(octets.substr(0, std::min(octets.find(';'), end)));
    const bool isSize = !digits.empty() && digits.size() <= kLongestSize && digits.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
    if (!isSize) return notHttp("a bad chunk");
    const auto size = static_cast<std::size_t>(std::stoul(std::string(digits), nullptr, 16));
    octets.remove_prefix(end + 2);
    if (size == 0) break;
    if (size > kMostContent - content.size()) return notHttp("too long");
    if (octets.size() < size || octets.size() - size < 2) return std::optional<std::string>();
    if (octets.substr(size, 2) != "\r\n") return notHttp("a bad chunk");
    content += octets.substr(0, size);
    octets.remove_prefix(size + 2);
  }
  const bool isWhole = octets.starts_with("\r\n") || octets.find("\r\n\r\n") != std::string_view::npos;
  return isWhole ? std::optional(std::move(content)) : std::nullopt;
}

}  // namespace

Result<std::optional<HttpResponse>> parseHttpResponse(std::string_view octets, Octets rest) {
  using Whole = std::optional<HttpResponse>;
  const auto incomplete = [rest]() -> Result<Whole> {
    if (rest == Octets::areAll) return notHttp("it ends too early");
    return Whole();
  };
  Result<HttpHead> head = HttpHead();
  while (head->status < 200) {  // 100 Continue: the real one follows
    const std::size_t end = octets.find("\r\n\r\n");
    if (end == std::string_view::npos) return incomplete();
    head = headOf(octets.substr(0, end));
    if (!head) return fail(head.error());
    octets.remove_prefix(end + 4);
  }
  if (head->isChunked) {
    Result<std::optional<std::string>> content = unchunked(octets);
    if (!content) return fail(content.error());
    return *content ? Whole(HttpResponse{head->status, std::move(**content)}) : incomplete();
  }
  if (head->length) return octets.size() >= *head->length ? Whole(HttpResponse{head->status, std::string(octets.substr(0, *head->length))}) : incomplete();
  if (rest == Octets::moreMayCome) return Whole();
  return Whole(HttpResponse{head->status, std::string(octets)});
}

}  // namespace ostler::out
