// Responses of HTTP servers, and addresses of such: content is never longer than what came, and nothing that more octets could still
// change was read as complete.
#include <cassert>
#include <cstdint>

#include "libmailcore/net/https_url.h"
#include "queued/out/http_response.h"

using namespace ostler;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const auto early = out::parseHttpResponse(input, out::Octets::moreMayCome);
  const auto whole = out::parseHttpResponse(input, out::Octets::areAll);
  assert(!whole || whole->has_value());
  if (early && *early) {
    assert((*early)->content.size() <= input.size());
    const auto longer = out::parseHttpResponse(input + "more", out::Octets::moreMayCome);
    assert(longer && *longer && (*longer)->content == (*early)->content);
  }
  if (const auto url = net::parseHttpsUrl(input)) assert(*net::parseHttpsUrl("https://" + url->authority() + url->target) == *url);
  return 0;
}
