#include "queued/policy/policy.h"

#include <catch2/catch.hpp>

#include "libmailcore/ipc/directory.h"

using namespace ostler;
using namespace ostler::policy;

TEST_CASE("an authenticated sender may use its own addresses, tagged ones, and those of a domain it was given, and no other") {
  ipc::Identity alice;
  alice.known = true;
  alice.account.address = "alice@example.test";
  alice.addresses = {"alice@example.test", "sales@example.test", "@other.test"};
  struct Row {
    const char* path;
    bool own;
  };
  for (const Row& row : {Row{"alice@example.test", true}, Row{"Alice@EXAMPLE.test", true}, Row{"alice+news@example.test", true},
                         Row{"sales@example.test", true}, Row{"whoever@other.test", true}, Row{"bob@example.test", false},
                         Row{"alice@example.example", false}, Row{"alice@sub.other.test", false}, Row{"xalice@example.test", false},
                         Row{"+alice@example.test", false}, Row{"bob+alice@example.test", false}, Row{"alice", false},
                         Row{"alice@evil.test@example.test", false}, Row{"@other.test", true}}) {
    INFO(row.path);
    CHECK(ownsAddress(alice, row.path, "+") == row.own);
  }
  alice.addresses.emplace_back("sales@xn--bcher-kva.example");
  alice.addresses.emplace_back("@xn--mller-kva.example");
  for (const char* path : {"Sales@b\u00fccher.example", "sales+x@B\u00fccher.EXAMPLE", "anybody@m\u00fcller.example"}) CHECK(ownsAddress(alice, path, "+"));
  CHECK_FALSE(ownsAddress(alice, "bob@b\u00fccher.example", "+"));
  CHECK_FALSE(ownsAddress(alice, "alice+news@example.test", ""));
  CHECK(ownsAddress(alice, "alice-news@example.test", "+-"));
}
