#include "libmailcore/config/names.h"

#include <catch2/catch.hpp>

using namespace ostler::config;

TEST_CASE("a host that mail is sent to is a name, a name in brackets or an address, and its port stands elsewhere") {
  for (const char* good : {"mail.example.net", "localhost", "b\xc3\xbc""cher.example", "_internal.example", "192.0.2.1", "[192.0.2.1]", "2001:db8::1", "[2001:db8::1]",
                           "[IPv6:2001:db8::1]", "[mail.example.net]"}) {
    INFO(good);
    CHECK(faultOfHost(good).empty());
    CHECK(faultOfHostAndPort(good).empty());
  }
  for (const char* bad : {"", "mail example", "[mail.example.net", "mail.example.net]", "[]", "mail..example", "mail.example.", "smtp://mail.example", "a/b", "../etc"}) {
    INFO(bad);
    CHECK_FALSE(faultOfHost(bad).empty());
    CHECK_FALSE(faultOfHostAndPort(bad).empty());
  }
  CHECK(faultOfHost("mail.example.net:587") == "'mail.example.net:587' has a port in it: write it as 'port: 587'");
  CHECK(faultOfHostAndPort("mail.example.net:587").empty());
  CHECK(faultOfHostAndPort("[2001:db8::1]:587").empty());
  CHECK_FALSE(faultOfHostAndPort("mail.example.net:0").empty());
  CHECK_FALSE(faultOfHostAndPort("mail.example.net:99999").empty());
}

TEST_CASE("a host as it is typed is taken apart at the colon before its port, and only there") {
  struct Row {
    const char* text;
    const char* written;
    const char* host;
    std::uint16_t port;  ///< 0: none
  };
  for (const Row& row : {Row{"mail.example.net", "mail.example.net", "mail.example.net", 0}, Row{"mail.example.net:587", "mail.example.net", "mail.example.net", 587},
                         Row{"[mail.example.net]:587", "[mail.example.net]", "mail.example.net", 587}, Row{"192.0.2.1:25", "192.0.2.1", "192.0.2.1", 25},
                         Row{"2001:db8::25", "2001:db8::25", "2001:db8::25", 0}, Row{"[2001:db8::1]", "[2001:db8::1]", "2001:db8::1", 0},
                         Row{"[IPv6:2001:db8::1]:2525", "[IPv6:2001:db8::1]", "2001:db8::1", 2525}, Row{"", "", "", 0}, Row{"[]", "[]", "[]", 0}}) {
    INFO(row.text);
    const auto at = parseHost(row.text);
    REQUIRE(at);
    CHECK(at->written == row.written);
    CHECK(at->host() == row.host);
    CHECK(at->port.value_or(0) == row.port);
  }
  for (const char* bad : {"host:", "host:0", "host:65536", "host:x", "[2001:db8::1]:smtp"}) {
    INFO(bad);
    CHECK_FALSE(parseHost(bad));
  }
}

TEST_CASE("what can never fit a domain is told, with what was meant") {
  for (const char* good : {"*", "example.net", ".example.net", "[192.0.2.1]", "com", "b\xc3\xbc""cher.example"}) {
    INFO(good);
    CHECK(faultOfDomains(good).empty());
    CHECK(faultOfSenders(good).empty());
  }
  CHECK(faultOfDomains("*.example.net") == "'*.example.net': what is below a domain is written '.example.net'");
  CHECK(faultOfDomains("@example.net").find("without the @") != std::string::npos);
  CHECK(faultOfSenders("@example.net").find("without the @") != std::string::npos);
  CHECK(faultOfDomains("a@example.net").find("is an address") != std::string::npos);
  CHECK(faultOfSenders("a@example.net").empty());
  for (const char* bad : {"", "a..b", "a b", "example.net.", "."}) {
    INFO(bad);
    CHECK_FALSE(faultOfDomains(bad).empty());
  }
  CHECK_FALSE(faultOfSenders("a@b c").empty());
}
