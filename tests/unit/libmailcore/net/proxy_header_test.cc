#include "libmailcore/net/proxy_header.h"

#include <catch2/catch.hpp>

namespace ostler::net {
namespace {

using namespace std::string_literals;

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;

TEST_CASE("PROXY version 1 names client and server") {
  const std::string line = "PROXY TCP4 192.0.2.1 198.51.100.2 56324 25\r\n";
  const auto header = parseProxyHeader(line + "EHLO x\r\n").value().value();
  CHECK(header.client.value().text() == "192.0.2.1:56324");
  CHECK(header.server.value().text() == "198.51.100.2:25");
  CHECK(header.length == line.size());
  CHECK(parseProxyHeader("PROXY TCP6 2001:db8::1 2001:db8::2 1 25\r\n").value()->client->text() == "[2001:db8::1]:1");
  CHECK_FALSE(parseProxyHeader("PROXY UNKNOWN whatever\r\n").value()->client);
}

TEST_CASE("PROXY version 2 names client and server, and skips extensions") {
  const std::string addresses = "\xC0\x00\x02\x01\xC6\x33\x64\x02\x12\x34\x00\x19"s;
  const std::string header = kSignature + "\x21\x11\x00\x10"s + addresses + "\x04\x00\x01\x00"s;
  const auto parsed = parseProxyHeader(header + "rest").value().value();
  CHECK(parsed.client.value().text() == "192.0.2.1:4660");
  CHECK(parsed.server.value().text() == "198.51.100.2:25");
  CHECK(parsed.length == header.size());
  CHECK_FALSE(parseProxyHeader(kSignature + "\x20\x00\x00\x00"s).value()->client);  // LOCAL
}

TEST_CASE("a checksum in a PROXY header is looked at") {
  const std::string addresses = "\xC0\x00\x02\x01\xC6\x33\x64\x02\x12\x34\x00\x19"s;
  const auto with = [&](const std::string& checksum) { return kSignature + "\x21\x11\x00\x13"s + addresses + "\x03\x00\x04"s + checksum; };
  CHECK(parseProxyHeader(with("\xA9\x44\x0D\xC1"s)));
  CHECK_FALSE(parseProxyHeader(with("\x00\x00\x00\x00"s)));
  CHECK_FALSE(parseProxyHeader(kSignature + "\x21\x11\x00\x0F"s + addresses + "\x03\x00\x04"s));  // cut off
  CHECK_FALSE(parseProxyHeader(kSignature + "\x21\x11\x00\x0E"s + addresses + "\x03\x00"s));
}

TEST_CASE("a PROXY header that is not complete asks for more, at every length") {
  const std::string v1 = "PROXY TCP4 192.0.2.1 198.51.100.2 56324 25\r\n";
  const std::string v2 = kSignature + "\x21\x11\x00\x0C"s + std::string(12, 'a');
  for (const std::string& whole : {v1, v2}) {
    for (std::size_t length = 0; length < whole.size(); ++length) {
      INFO(length);
      const auto parsed = parseProxyHeader(std::string_view(whole).substr(0, length));
      REQUIRE(parsed);
      CHECK_FALSE(*parsed);
    }
    CHECK(parseProxyHeader(whole).value());
  }
}

TEST_CASE("a bad PROXY header is refused") {
  for (const std::string& text : {
           "EHLO x\r\n"s,
           "PROXY TCP4 192.0.2.1 198.51.100.2 56324\r\n"s,
           "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n"s,
           "PROXY TCP4 192.0.2.1 198.51.100.2 99999 25\r\n"s,
           "PROXY TCP4 "s + std::string(120, '1'),
           kSignature + "\x31\x11\x00\x0C"s + std::string(12, 'a'),
           kSignature + "\x21\x11\x00\x04"s + std::string(4, 'a'),
           kSignature + "\x21\x12\x00\x0C"s + std::string(12, 'a'),
           kSignature + "\x21\x11\xFF\xFF"s,
       }) {
    CHECK_FALSE(parseProxyHeader(text));
  }
}

}  // namespace
}  // namespace ostler::net
