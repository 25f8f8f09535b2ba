#include "libmailcore/directory/names.h"

#include <catch2/catch.hpp>

using namespace ostler::directory;

TEST_CASE("domains compare in A-labels and lower case, without a final dot") {
  CHECK(canonicalDomain("Example.TEST.").value() == "example.test");
  CHECK(canonicalDomain("B\u00fccher.example").value() == "xn--bcher-kva.example");
  CHECK(canonicalDomain("XN--BCHER-KVA.example").value() == "xn--bcher-kva.example");
  CHECK(canonicalDomain("stra\u00dfe.example").value() == "xn--strae-oqa.example");  // not strasse: RFC 5891
  for (const std::string bad :
       {"", ".", "a..b", "-a.b", "a-.b", "[192.0.2.1]", "a b", "\xff.example", "a\u200b..example"}) {
    INFO(bad);
    CHECK_FALSE(canonicalDomain(bad));
  }
  CHECK_FALSE(canonicalDomain(std::string(64, 'a') + ".example"));
  CHECK_FALSE(canonicalDomain(std::string(300, 'a')));
}

TEST_CASE("local parts compare without case, in every script") {
  CHECK(foldLocalPart("Alice.Smith").value() == "alice.smith");
  CHECK(foldLocalPart("J\u00dcRGEN").value() == "j\u00fcrgen");
  CHECK(foldLocalPart("ju\u0308rgen").value() == "j\u00fcrgen");
  CHECK_FALSE(foldLocalPart(""));
  CHECK_FALSE(foldLocalPart("a\nb"));
  CHECK_FALSE(foldLocalPart(std::string(65, 'a')));
}

TEST_CASE("a blank in an address needs quotes") {
  CHECK_FALSE(parseAddress("a b@example.test"));
  CHECK_FALSE(parseAddress("not an address"));
  CHECK(parseAddress("\"a b\"@example.test")->localPart == "a b");
}

TEST_CASE("addresses lose their quotes and get them back where they need them") {
  CHECK(parseAddress("<alice@example.test>").value() == Address{"alice", "example.test"});
  CHECK(parseAddress("\"alice\"@example.test").value().text() == "alice@example.test");
  CHECK(parseAddress("\"al \\\"ice\"@example.test").value().text() == "\"al \\\"ice\"@example.test");
  CHECK(parseAddress("postmaster").value() == Address{"postmaster", ""});
  CHECK(parseAddress("a@b@c.example").value() == Address{"a@b", "c.example"});
  for (const char* const bad : {"", "@example.test", "alice@", "\"alice", "\"a\"b@c", "a@b c", "a\r\nb@c"}) {
    INFO(bad);
    CHECK_FALSE(parseAddress(bad));
  }
}
