#include "libmailcore/net/https_url.h"

#include <catch2/catch.hpp>

using namespace ostler;
using namespace ostler::net;

TEST_CASE("https url: host, port and target") {
  struct Case {
    const char* text;
    HttpsUrl url;
    const char* authority;
  };
  const Case test = GENERATE(values<Case>({
      {"https://id.example.com/introspect", {"id.example.com", 443, "/introspect"}, "id.example.com"},
      {"HTTPS://Id.Example.com", {"id.example.com", 443, "/"}, "id.example.com"},
      {"https://id.example.com:8443/a/b?c=d", {"id.example.com", 8443, "/a/b?c=d"}, "id.example.com:8443"},
      {"https://id.example.com?c", {"id.example.com", 443, "/?c"}, "id.example.com"},
      {"https://[2001:db8::1]:8443/x", {"2001:db8::1", 8443, "/x"}, "[2001:db8::1]:8443"},
      {"https://[2001:db8::1]", {"2001:db8::1", 443, "/"}, "[2001:db8::1]"},
  }));
  const auto url = parseHttpsUrl(test.text);
  REQUIRE(url);
  CHECK(*url == test.url);
  CHECK(url->authority() == test.authority);
}

TEST_CASE("https url: what is none is refused") {
  const char* const bad = GENERATE("", "http://id.example.com/", "id.example.com", "https://", "https:///x", "https://user@id.example.com/", "https://a:0/", "https://a:65536/",
                                   "https://a:x/", "https://[::1/", "https://[id]/", "https://a b/", "https://a/b c", "https://a/b\r\nX: y", "https://a/#x", "https://a:/");
  CAPTURE(bad);
  CHECK_FALSE(parseHttpsUrl(bad));
}
