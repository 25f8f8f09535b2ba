#include "libmailcore/message/address_list.h"

#include <catch2/catch.hpp>

using namespace ostler::message;

namespace {
struct Case {
  const char* raw;
  std::vector<Mailbox> expected;
};
}  // namespace

TEST_CASE("addresses in the forms of the standard and of the wild") {
  const std::vector<Case> cases = {
      {"alice@example.test", {{"", "alice", "example.test", ""}}},
      {" <alice@example.test> ", {{"", "alice", "example.test", ""}}},
      {"Alice Smith <alice@example.test>", {{"Alice Smith", "alice", "example.test", ""}}},
      {"\"Smith, Alice\" <alice@example.test>, bob@x",
       {{"Smith, Alice", "alice", "example.test", ""}, {"", "bob", "x", ""}}},
      {"alice@example.test (Alice (the) Smith)", {{"Alice (the) Smith", "alice", "example.test", ""}}},
      {"\"a \\\"b\\\" c\"@x", {{"", "a \"b\" c", "x", ""}}},
      {"Joe Q. Public <john.q.public@example.com>", {{"Joe Q. Public", "john.q.public", "example.com", ""}}},
      {"pete(his) . silly @ example . test", {{"his", "pete.silly", "example.test", ""}}},
      {"<@a.test,@b.test:c@d.test>", {{"", "c", "d.test", "@a.test,@b.test"}}},
      {"x@[192.0.2.1]", {{"", "x", "[192.0.2.1]", ""}}},
      {"=?utf-8?Q?a,b?= <x@y>", {{"=?utf-8?Q?a,b?=", "x", "y", ""}}},
      {"J\xC3\xB6rg <j\xC3\xB6rg@b\xC3\xBC"
       "cher.test>",
       {{"J\xC3\xB6rg", "j\xC3\xB6rg",
         "b\xC3\xBC"
         "cher.test",
         ""}}},
      {"John Doe john@x.test", {{"John Doe", "john", "x.test", ""}}},
      {"root", {{"", "root", "", ""}}},
      {"<>", {{"", "", "", ""}}},
      {"a@b; c@d", {{"", "a", "b", ""}, {"", "c", "d", ""}}},
      {",, a@b ,,", {{"", "a", "b", ""}}},
      {"a@b\r\n\t, c@d", {{"", "a", "b", ""}, {"", "c", "d", ""}}},
      {"<a@b, c@d>", {{"", "a", "b", ""}, {"", "c", "d", ""}}},
      {"\"unclosed <a@b>", {{"", "unclosed <a@b>", "", ""}}},
      {"", {}},
  };
  for (const Case& row : cases) {
    INFO(row.raw);
    const std::vector<Mailbox> found = mailboxesOf(parseAddressList(row.raw));
    CHECK(found.size() == row.expected.size());
    for (std::size_t i = 0; i < std::min(found.size(), row.expected.size()); ++i) {
      CHECK(found[i].displayName == row.expected[i].displayName);
      CHECK(found[i].localPart == row.expected[i].localPart);
      CHECK(found[i].domain == row.expected[i].domain);
      CHECK(found[i].route == row.expected[i].route);
    }
  }
}

TEST_CASE("groups hold mailboxes, may be empty, and end at the end if nobody ends them") {
  const AddressList list =
      parseAddressList("Undisclosed recipients:;, A Group:Ed Jones <joe@a.test>,joe@b.test, x: y@z");
  REQUIRE(list.size() == 2);
  CHECK(std::get<Group>(list[0]) == Group{"Undisclosed recipients", {}});
  const Group& group = std::get<Group>(list[1]);
  CHECK(group.displayName == "A Group");
  REQUIRE(group.members.size() >= 2);
  CHECK(group.members[0] == Mailbox{"Ed Jones", "joe", "a.test", ""});
}

TEST_CASE("what is written reads back as the same addresses") {
  const AddressList list = {Mailbox{"Smith, \"Al\"", "al ice", "example.test", ""}, Mailbox{"", "b..ob", "x.test", ""},
                            Mailbox{"Plain Name", "c", "[192.0.2.1]", ""},
                            Group{"The Group", {Mailbox{"", "d", "e.test", ""}, Mailbox{"F. G", "f", "g.test", ""}}}};
  CHECK(parseAddressList(writeAddressList(list)) == list);
}

TEST_CASE("a display name beyond ASCII is encoded or kept, as the header may hold it") {
  const Mailbox mailbox{"J\xC3\xB6rg", "j", "x", ""};
  CHECK(writeMailbox(mailbox) == "=?UTF-8?Q?J=C3=B6rg?= <j@x>");
  CHECK(writeMailbox(mailbox, HeaderCharset::utf8) == "J\xC3\xB6rg <j@x>");
}

TEST_CASE("long address lists fold between addresses") {
  AddressList list;
  for (int i = 0; i < 10; ++i) list.emplace_back(Mailbox{"Some Name", "user" + std::to_string(i), "example.test", ""});
  std::size_t from = 0;
  const std::string text = writeAddressList(list, 4);
  for (std::size_t at = text.find("\r\n"); at != std::string::npos; at = text.find("\r\n", from)) {
    CHECK(at - from <= 78);
    from = at + 2;
  }
  CHECK(parseAddressList(text) == list);
}
