#include "queued/out/introspection.h"

#include <catch2/catch.hpp>

#include "queued/out/http_response.h"

using namespace ostler;
using namespace ostler::out;

namespace {

/// "200 {}", "more" where it is not complete, or "bad".
std::string read(std::string_view octets, Octets rest = Octets::moreMayCome) {
  const auto response = parseHttpResponse(octets, rest);
  if (!response) return "bad";
  return *response ? std::to_string((*response)->status) + " " + (*response)->content : "more";
}

}  // namespace

TEST_CASE("http response: content by length, by chunks, or up to the end") {
  const std::string counted = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\nTrailer: z\r\n\r\n";
  CHECK(read(counted) == "200 {}");
  CHECK(read(chunked) == "200 {}");
  for (const std::string& whole : {counted, chunked}) {
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
      CAPTURE(whole.substr(0, cut));
      CHECK(read(whole.substr(0, cut)) == "more");
      CHECK(read(whole.substr(0, cut), Octets::areAll) == "bad");
    }
  }
  const std::string open = "HTTP/1.0 200\r\n\r\n{}";
  CHECK(read(open) == "more");
  CHECK(read(open, Octets::areAll) == "200 {}");
  CHECK(read("HTTP/1.1 100 Continue\r\n\r\n" + counted) == "200 {}");
  std::string patience;
  for (int n = 0; n < 200'000; ++n) patience += "HTTP/1.1 100\r\n\r\n";
  CHECK(read(patience + counted) == "200 {}");  // on a stack of any size
  CHECK(read("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n") == "401 ");
}

TEST_CASE("http response: what is none, or could mean two things, is refused") {
  const char* const bad = GENERATE("HELLO\r\n\r\n", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nno field\r\n\r\n",
                                   "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
                                   "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
                                   "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
                                   "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
                                   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n",
                                   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n");
  CAPTURE(bad);
  CHECK(read(bad) == "bad");
}

TEST_CASE("introspection: the request names the token, and who asks, and nothing in either can end it early") {
  Introspection server;
  server.url = {"id.example", 8443, "/introspect?x"};
  server.authorization = "Basic eDp5";
  const std::string request = introspectionRequest(server, "a+b/c=\r\nX: y");
  CHECK(request.starts_with("POST /introspect?x HTTP/1.1\r\nHost: id.example:8443\r\nAuthorization: Basic eDp5\r\n"));
  CHECK(request.ends_with("\r\n\r\ntoken=a%2Bb%2Fc%3D%0D%0AX%3A%20y&token_type_hint=access_token"));
}
