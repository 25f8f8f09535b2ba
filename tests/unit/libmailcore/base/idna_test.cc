#include "libmailcore/base/idna.h"

#include <catch2/catch.hpp>

using namespace ostler;

TEST_CASE("a domain is compared in one form, however it is written") {
  struct Row {
    const char* written;
    const char* compared;
  };
  const Row rows[] = {
      {"Example.TEST", "example.test"},
      {"b\u00fccher.example", "xn--bcher-kva.example"},
      {"B\u00dcCHER.Example", "xn--bcher-kva.example"},
      {"bu\u0308cher.example", "xn--bcher-kva.example"},          // the same letter in two code points
      {"b\u00fccher\u3002example", "xn--bcher-kva.example"},      // an ideographic full stop
      {"XN--BCHER-KVA.example", "xn--bcher-kva.example"},
      {".b\u00fccher.example", ".xn--bcher-kva.example"},         // a pattern: all below it
      {"fa\u00df.de", "xn--fa-hia.de"},                           // not "fass.de": RFC 5894 4.4
      {"*", "*"},
      {"[192.0.2.1]", "[192.0.2.1]"},
      {"", ""},
      {"-\u00fc.example", "-\u00fc.example"},                     // no domain
      {"\xff.example", "\xff.example"},
  };
  for (const Row& row : rows) {
    INFO(row.written);
    CHECK(comparableDomain(row.written) == row.compared);
  }
}

TEST_CASE("addresses are the same when their domains are, however written, and their local parts without case") {
  CHECK(isSameAddress("Alice@b\u00fccher.example", "alice@xn--bcher-kva.example"));
  CHECK(isSameAddress("\u00fc@B\u00fccher.example", "\u00fc@XN--bcher-kva.example"));
  CHECK_FALSE(isSameAddress("bob@b\u00fccher.example", "alice@xn--bcher-kva.example"));
  CHECK_FALSE(isSameAddress("alice@b\u00fccher.example", "alice@bucher.example"));
  CHECK(isSameDomain("b\u00fccher.example", "xn--bcher-kva.EXAMPLE"));
  CHECK_FALSE(isSameDomain("b\u00fccher.example", "bucher.example"));
  CHECK(comparableAddress("\"a@b\"@B\u00fccher.example") == "\"a@b\"@xn--bcher-kva.example");
}
