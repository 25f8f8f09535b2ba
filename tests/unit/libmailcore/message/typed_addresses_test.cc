#include "libmailcore/message/typed_addresses.h"

#include <catch2/catch.hpp>

using namespace ostler::message;

namespace {
struct Case {
  const char* typed;
  std::vector<std::string> expected;
};
}  // namespace

TEST_CASE("a typed list of addresses: each without its name") {
  const std::vector<Case> cases = {
      {"root", {"root"}},
      {"root,alice@example.com", {"root", "alice@example.com"}},
      {" a@example.com , root ", {"a@example.com", "root"}},
      {"Alice <alice@example.com>", {"alice@example.com"}},
      {"\"Smith, Alice\" <alice@example.com>, bob", {"alice@example.com", "bob"}},
      {"<alice@example.com>, <bob>", {"alice@example.com", "bob"}},
      {"alice@example.com (Alice, at work), bob", {"alice@example.com", "bob"}},
      {"\"a, b\"@example.com,c", {"\"a, b\"@example.com", "c"}},
      {"x@[IPv6:2001:db8::1], y", {"x@[IPv6:2001:db8::1]", "y"}},
      {"Team: a@example.com, b;, c", {"a@example.com", "b", "c"}},
      {"nobody here:;", {}},
      {",, a,", {"a"}},
      {"", {}},
  };
  for (const Case& row : cases) {
    INFO(row.typed);
    CHECK(typedAddresses(row.typed) == row.expected);
  }
}

TEST_CASE("a typed list of addresses: what is none stays as it was typed, and swallows nobody") {
  const std::vector<Case> cases = {
      {"a@example.com b@example.com", {"a@example.com b@example.com"}},
      {"a b, c", {"a b", "c"}},
      {"Alice <alice@example.com> <bob@example.com>", {"Alice <alice@example.com> <bob@example.com>"}},
      {"<alice@example.com> bob, c", {"<alice@example.com> bob", "c"}},
      {"<>, c", {"<>", "c"}},
      {"<alice@example.com", {"<alice@example.com"}},
      {"Team: a@example.com", {"a@example.com", "Team: a@example.com"}},
  };
  for (const Case& row : cases) {
    INFO(row.typed);
    CHECK(typedAddresses(row.typed) == row.expected);
  }
}
