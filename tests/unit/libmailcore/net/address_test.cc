#include "libmailcore/net/address.h"

#include <catch2/catch.hpp>

namespace ostler::net {
namespace {

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

TEST_CASE("an IPv4-mapped IPv6 address is the IPv4 address") {
  CHECK(ip("::ffff:192.0.2.1") == ip("192.0.2.1"));
  CHECK(ip("::ffff:192.0.2.1").text() == "192.0.2.1");
  CHECK(Cidr::parse("::ffff:192.0.2.0/120").value().contains(ip("192.0.2.77")));
}

TEST_CASE("addresses print as RFC 5952, RFC 5321 4.1.3 and RFC 3596 say") {
  CHECK(ip("2001:DB8:0:0:0:0:0:1").text() == "2001:db8::1");
  CHECK(ip("2001:db8::1").smtpLiteral() == "[IPv6:2001:db8::1]");
  CHECK(ip("192.0.2.1").smtpLiteral() == "[192.0.2.1]");
  CHECK(ip("192.0.2.1").reversePointerName() == "1.2.0.192.in-addr.arpa.");
  CHECK(ip("2001:db8::1").reversePointerName() ==
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.");
  CHECK(ip("127.9.9.9").isLoopback());
  CHECK(ip("::1").isLoopback());
  CHECK_FALSE(ip("::2").isLoopback());
}

TEST_CASE("what is not an address is refused") {
  for (const char* text : {"", "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", "[::1]", "::1%eth0", "1.2.3.4 ", ":::", "g::1"}) {
    INFO(text);
    CHECK_FALSE(IpAddress::parse(text));
  }
  CHECK_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0x", 9)));
}

TEST_CASE("endpoints survive their text form") {
  for (const char* text : {"192.0.2.1:25", "[::1]:25", "/run/x.sock", "0.0.0.0:0", "[2001:db8::1]:65535"}) {
    INFO(text);
    CHECK(Endpoint::parse(text).value().text() == text);
    sockaddr_storage address{};
    const socklen_t length = Endpoint::parse(text).value().toSockaddr(address);
    CHECK(Endpoint::fromSockaddr(reinterpret_cast<const sockaddr*>(&address), length).value().text() == text);
  }
  for (const char* text : {"", "25", "192.0.2.1", "192.0.2.1:65536", "::1:25", "[192.0.2.1]:25", "[::1]", "x:25", ":25"}) {
    INFO(text);
    CHECK_FALSE(Endpoint::parse(text));
  }
  CHECK_FALSE(Endpoint::parse("/" + std::string(200, 'x')));
}

TEST_CASE("a CIDR range contains its addresses and no others") {
  const Cidr range = Cidr::parse("192.0.2.0/25").value();
  CHECK(range.contains(ip("192.0.2.127")));
  CHECK_FALSE(range.contains(ip("192.0.2.128")));
  CHECK_FALSE(range.contains(ip("::1")));
  CHECK(Cidr::parse("0.0.0.0/0").value().contains(ip("203.0.113.9")));
  CHECK_FALSE(Cidr::parse("0.0.0.0/0").value().contains(ip("2001:db8::1")));
  CHECK(Cidr::parse("2001:db8::/32").value().contains(ip("2001:db8:ffff::1")));
  CHECK(Cidr::parse("192.0.2.1").value().text() == "192.0.2.1/32");
}

TEST_CASE("a CIDR range with host bits set is refused with the one that was meant") {
  const auto refused = Cidr::parse("192.0.2.1/24");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().detail.find("192.0.2.0/24") != std::string::npos);
  for (const char* text : {"192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "::/129", "::ffff:1.2.3.4/95", "/24"}) {
    INFO(text);
    CHECK_FALSE(Cidr::parse(text));
  }
}

}  // namespace
}  // namespace ostler::net
