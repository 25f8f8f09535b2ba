#include "libmailcore/message/prepared.h"

#include <catch2/catch.hpp>

#include "libmailcore/message/message_id.h"
#include "libmailcore/message/subject.h"

using namespace ostler::message;

TEST_CASE("a message is prepared with everything clients list, sort, thread and search by") {
  const std::string content =
      "Date: Sat, 21 Nov 2026 22:09:00 +0100\r\nFrom: \"Smith, Al\" <Al@Example.test>\r\nTo: The Group: b@c, "
      "d@e;\r\nCc: x@y\r\n"
      "Subject: =?utf-8?q?Re:_=5Blist=5D_Caf=C3=89?=\r\nMessage-ID: <1@x>\r\nReferences: <a@x> <b@x>\r\nIn-Reply-To: "
      "<b@x>\r\n\r\n"
      "hi\r\n.dot\r\n";
  const Prepared prepared = prepare(content);
  CHECK(
      prepared.envelope ==
      R"(("Sat, 21 Nov 2026 22:09:00 +0100" "=?utf-8?q?Re:_=5Blist=5D_Caf=C3=89?=" (("Smith, Al" NIL "Al" "Example.test")) )"
      R"((("Smith, Al" NIL "Al" "Example.test")) (("Smith, Al" NIL "Al" "Example.test")) )"
      R"(((NIL NIL "The Group" NIL)(NIL NIL "b" "c")(NIL NIL "d" "e")(NIL NIL NIL NIL)) ((NIL NIL "x" "y")) NIL "<b@x>" "<1@x>"))");
  CHECK(prepared.body == R"(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 10 2))");
  CHECK(prepared.baseSubject == "caf\xC3\xA9");
  CHECK(prepared.isReplyOrForward);
  CHECK(prepared.sortFrom == "al");
  CHECK(prepared.sortTo == "the group");
  CHECK(prepared.sortCc == "x");
  CHECK(prepared.displayFrom == "smith, al");
  CHECK(prepared.hasSentDate);
  CHECK(prepared.sentMillis == 1'795'295'340'000);
  CHECK(prepared.sentDay == 20778);
  CHECK(prepared.messageId == "1@x");
  CHECK(prepared.references == std::vector<std::string>{"a@x", "b@x"});
  CHECK(prepared.searchSubject == "re: [list] caf\xC3\xA9");
  CHECK(prepared.searchFrom == "\"smith, al\" <al@example.test>");
  CHECK(prepared.facts.size == content.size());
  CHECK(prepared.facts.needsDotStuffing);
  CHECK_FALSE(prepared.facts.hasBareLineEnds);
  CHECK_FALSE(prepared.facts.isBinary);
  CHECK_FALSE(prepared.hasUtf8Header);
}

TEST_CASE("nothing at all is prepared too") {
  const Prepared prepared = prepare("");
  CHECK(prepared.envelope == "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
  CHECK(prepared.body == R"(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0))");
}

TEST_CASE("what quoted strings cannot hold becomes a literal") {
  CHECK(prepare("Subject: caf\xC3\xA9\r\n\r\n").envelope == "(NIL {5}\r\ncaf\xC3\xA9 NIL NIL NIL NIL NIL NIL NIL NIL)");
  CHECK(prepare("Subject: a \"q\" \\\r\n\r\n").envelope == R"((NIL "a \"q\" \\" NIL NIL NIL NIL NIL NIL NIL NIL))");
}

TEST_CASE("the facts of the octets are seen wherever they stand") {
  for (std::size_t at = 0; at < 100; ++at) {
    INFO(at);
    const auto with = [&](std::string_view what) {
      std::string content(200, 'x');
      content.replace(at, what.size(), what);
      return contentFacts(content);
    };
    CHECK(with("\r\n.").needsDotStuffing);
    CHECK_FALSE(with("\r\n.").hasBareLineEnds);
    CHECK(with("\r\n").lines == 1);
    CHECK(with("\n").hasBareLineEnds);
    CHECK(with("\r").hasBareLineEnds);
    CHECK(with(std::string_view("\0", 1)).isBinary);
    CHECK(with("\xC3").has8Bit);
    CHECK_FALSE(with("x").has8Bit);
    CHECK_FALSE(with("x").isBinary);
    CHECK_FALSE(with(" .").needsDotStuffing);
  }
  CHECK(contentFacts(".").needsDotStuffing);
  CHECK(contentFacts("\n").hasBareLineEnds);
  CHECK(contentFacts("x\r").hasBareLineEnds);
  CHECK_FALSE(contentFacts("x").endsWithLineEnd);
  CHECK(contentFacts("x\r\n").endsWithLineEnd);
}

TEST_CASE("base subjects lose what programs put around them") {
  const std::vector<std::pair<const char*, BaseSubject>> cases = {
      {"plain", {"plain", false}},
      {"Re: hello", {"hello", true}},
      {"RE : Fwd:[x] re[2]:  hello  (fwd) ", {"hello", true}},
      {"[list] hello", {"hello", false}},
      {"[list]", {"[list]", false}},
      {"[a] [b] Re: [c] x", {"x", true}},
      {"[Fwd: [Fwd: x]]", {"x", true}},
      {"Re:", {"", true}},
      {"regards", {"regards", false}},
      {"a\t  b", {"a b", false}},
  };
  for (const auto& [subject, base] : cases) {
    INFO(subject);
    CHECK(baseSubject(subject) == base);
  }
}

TEST_CASE("message ids are found among comments, phrases and junk") {
  CHECK(parseMessageIds("<a@b> (c <x@y>) phrase \"<q@q>\" <\"d e\"@f>\r\n <g@h <i@j> <k") ==
        std::vector<std::string>{"a@b", "d e@f", "i@j"});
  CHECK(threadReferences("", "<a@b> <c@d>") == std::vector<std::string>{"a@b"});
  CHECK(threadReferences("junk", "Your message of today <a@b>") == std::vector<std::string>{"a@b"});
}

// Quadratic parsers do not end on these within a test's patience.
TEST_CASE("fields of 200 kB made of one pattern are read like any other") {
  for (const std::string_view pattern : {"a b ", "=?a?q?", "=?utf-8?q?a?= ", "<a@b>,", "(", "\"", "a=b ", "a:", "; a=b", "<", "@", "a\r\n ",
                                         "[a]", "[fwd:", "\\", "a*0*=", "re: "}) {
    std::string value;
    while (value.size() < 200'000) value += pattern;
    for (const char* name : {"To", "Subject", "Content-Type", "References", "Date"}) {
      const Prepared prepared = prepare(std::string(name) + ": " + value + "\r\n\r\nbody");
      CHECK(prepared.bodyStructure.starts_with("("));
    }
  }
}
