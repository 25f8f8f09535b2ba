#include "queued/health/http_request.h"

#include <catch2/catch.hpp>

namespace ostler::health {
namespace {

TEST_CASE("a request names its method and its path; the query is left away") {
  const auto request = parseHttpRequest("GET /metrics?format=text HTTP/1.1\r\nHost: localhost\r\n\r\n");
  REQUIRE(request);
  CHECK(request->method == "GET");
  CHECK(request->path == "/metrics");
}

TEST_CASE("what is no HTTP/1 request is refused") {
  for (const char* const head : {"", "GET\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/2\r\n\r\n", "EHLO there\r\n\r\n", "GET x HTTP/1.1\r\n\r\n",
                                 "GET /\x01 HTTP/1.1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\n"}) {
    CHECK_FALSE(parseHttpRequest(head));
  }
}

}  // namespace
}  // namespace ostler::health
