#include "libmailcore/config/exposure.h"

#include <catch2/catch.hpp>

using namespace ostler;
using namespace ostler::config;

namespace {

std::vector<net::Cidr> networks(std::initializer_list<const char*> texts) {
  std::vector<net::Cidr> out;
  for (const char* text : texts) out.push_back(*net::Cidr::parse(text));
  return out;
}

}  // namespace

TEST_CASE("private networks, and networks of providers, are not too wide") {
  CHECK(wideAmong(networks({"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/16", "2001:db8::/32"})).empty());
}

TEST_CASE("networks that are narrow one by one are too wide when they cover much of all addresses together") {
  std::vector<net::Cidr> all;
  for (int first = 1; first < 224; ++first) all.push_back(*net::Cidr::parse(std::to_string(first) + ".0.0.0/8"));
  const auto wide = wideAmong(all);
  REQUIRE(wide.size() == 1);
  CHECK(wide[0].width == Width::everybody);
  CHECK(wide[0].text == "1.0.0.0/8 and 222 more, together a great part of all addresses");
}

TEST_CASE("a network named often, or within another, is counted once") {
  std::vector<net::Cidr> same(100, *net::Cidr::parse("10.0.0.0/8"));
  for (int second = 0; second < 100; ++second) same.push_back(*net::Cidr::parse("10." + std::to_string(second) + ".0.0/16"));
  CHECK(wideAmong(same).empty());
}

TEST_CASE("clients are trusted by a name of theirs, or below a domain; not below a top-level domain") {
  for (const char* name : {"mail.example.com", ".example.com", "localhost", "co.uk", ".example.co.uk", ".a.b.example"}) CHECK(faultOfTrustedName(name).empty());
  for (const char* name : {"", ".", "*", ".com", ".co.uk", ".CO.UK", ".github.io", ".lan", "*.example.com", "a b"}) {
    INFO(name);
    CHECK_FALSE(faultOfTrustedName(name).empty());
  }
}
