#include "libmailcore/smtp/path.h"

#include <catch2/catch.hpp>

namespace ostler::smtp {
namespace {

TEST_CASE("path: a program of this machine names an address with or without brackets, or a local part alone") {
  for (const auto& [text, path] : std::vector<std::pair<const char*, const char*>>{
           {"<a@b.test>", "a@b.test"}, {"a@b.test", "a@b.test"}, {"root", "root"}, {"\"a b\"@ok.test", "\"a b\"@ok.test"}, {"<\"a b\">", "\"a b\""}}) {
    INFO(text);
    REQUIRE(parsePlainPath(text));
    CHECK(*parsePlainPath(text) == path);
  }
  for (const char* const text : {"", "<>", "bad addr", "alice@exa mple.test", "a> RET=FULL ENVID=<x", "a@b@c.test", "a@", "@b", "a\r\n@b"}) {
    INFO(text);
    CHECK_FALSE(parsePlainPath(text));
  }
}

TEST_CASE("path: what RFC 5321 4.1.2 allows is read, and written as one form") {
  struct Row {
    const char* text;
    const char* path;
    const char* rest;
  };
  const Row row =
      GENERATE(Row{"<alice@example.test>", "alice@example.test", ""}, Row{"<a@b> SIZE=1", "a@b", " SIZE=1"},
               Row{"<\"a b\"@example.test>", "\"a b\"@example.test", ""},
               Row{"<\"alice\"@example.test>", "alice@example.test", ""},
               Row{"<\"a\\\"b>@c\"@d> X", "\"a\\\"b>@c\"@d", " X"}, Row{"<@one,@two.test:joe@three>", "joe@three", ""},
               Row{"<a@[192.0.2.1]>", "a@[192.0.2.1]", ""}, Row{"<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]", ""},
               Row{"<a.b+c!#$%&'*/=?^_`{|}~@x-y.z>", "a.b+c!#$%&'*/=?^_`{|}~@x-y.z", ""}, Row{"<\"\"@a>", "\"\"@a", ""},
               Row{"<j\xc3\xbcrgen@m\xc3\xbcller.test>", "j\xc3\xbcrgen@m\xc3\xbcller.test", ""},
               Row{"<a@under_score.test>", "a@under_score.test", ""});
  CAPTURE(row.text);
  const auto parsed = parseForwardPath(row.text);
  REQUIRE(parsed);
  CHECK(parsed->path.text() == row.path);
  CHECK(parsed->rest == row.rest);
  CHECK(parseReversePath(row.text)->path.text() == row.path);
}

TEST_CASE("path: what it does not allow is refused") {
  const std::string text =
      GENERATE("", "<", "a@b", "<a@b", "<a@b>x", "<a>", "<@b>", "<a@>", "<a@b.>", "<a@.b>", "<a@b..c>", "<a..b@c>",
               "<.a@b>", "<a.@b>", "<a b@c>", "<a@b c>", "<a@-b>", "<a@b->", "<a@[1.2.3]>", "<a@[IPv6:1]>",
               "<a@[tag:x]>", "<\"a@b>", "<\"a\tb\"@c>", "<\"a\\\"@c>", "<a@b\xff>", "<\xc3@b>", "<@a>", "<@a:>",
               "<@a,b:c@d>", "<@a c@d>", "<a@b,c>", "<a@b;c>", "<a(x)@b>", "<a@b@c>", "<a\r@b>");
  CAPTURE(text);
  CHECK_FALSE(parseForwardPath(text));
  CHECK_FALSE(parseReversePath(text));
}

TEST_CASE("path: the null path is for senders, bare postmaster for recipients") {
  CHECK(parseReversePath("<>")->path.isNull());
  CHECK(parseReversePath("<> BODY=7BIT")->rest == " BODY=7BIT");
  CHECK_FALSE(parseForwardPath("<>"));
  CHECK(parseForwardPath("<PostMaster>")->path.isBarePostmaster());
  CHECK(parseForwardPath("<postmaster>")->path.text() == "postmaster");
  CHECK_FALSE(parseForwardPath("<postmaster>x"));
  CHECK_FALSE(parseReversePath("<postmaster>"));
}

TEST_CASE("path: longer than 255 octets is a limit, not a crash") {
  const std::string most(255, 'a');
  CHECK(parseMailbox(most + "@b"));
  CHECK(parseMailbox(most + "a@b").error().kind == Error::Kind::limit);
  CHECK(parseMailbox("a@" + most + "." + most).error().kind == Error::Kind::limit);
  CHECK_FALSE(parseMailbox("a@" + std::string(64, 'b')));
}

TEST_CASE("path: an address that needs SMTPUTF8 says so") {
  CHECK(parseMailbox("a@b")->isAscii());
  CHECK_FALSE(parseMailbox("\xc3\xbc@b")->isAscii());
  CHECK_FALSE(parseMailbox("a@\xc3\xbc")->isAscii());
}

}  // namespace
}  // namespace ostler::smtp
