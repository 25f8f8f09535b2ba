#include "imapd/grammar/reader.h"

#include <catch2/catch.hpp>

using namespace ostler;
using namespace ostler::imap;

TEST_CASE("reader: a command is read straight through") {
  Reader in("a1 LOGIN {5}\r\nalice \"pass \\\"word\\\"\"");
  CHECK(in.tag() == "a1");
  in.space();
  CHECK(in.word() == "LOGIN");
  in.space();
  CHECK(in.astring() == "alice");
  in.space();
  CHECK(in.astring() == "pass \"word\"");
  in.end();
  CHECK_FALSE(in.failed());
}

TEST_CASE("reader: the first mistake sticks and nothing is taken after it") {
  Reader in("(a b");
  CHECK(in.atom().empty());
  CHECK(in.failed());
  CHECK_FALSE(in.accept('('));
  CHECK(in.rest().empty());
  CHECK(in.error().detail == "Atom expected");
}

TEST_CASE("reader: a literal that claims more than there is, is refused") {
  Reader in("{6}\r\nalice");
  CHECK(in.string().empty());
  CHECK(in.failed());
}

TEST_CASE("reader: strings") {
  struct Row {
    const char* name;
    std::string text;
    bool good;
    std::string value;
  };
  const std::vector<Row> rows = {
      {"atom with bracket", "a]b", true, "a]b"},
      {"atom with a tilde", "~fred", true, "~fred"},
      {"empty quoted", "\"\"", true, ""},
      {"UTF-8 in quotes", "\"caf\xc3\xa9\"", true, "caf\xc3\xa9"},
      {"quoted without end", "\"abc", false, ""},
      {"backslash before a letter", "\"a\\b\"", false, ""},
      {"line end in quotes", "\"a\r\nb\"", false, ""},
      {"empty literal", "{0}\r\n", true, ""},
      {"literal that holds a line end", "{4}\r\na\r\nb", true, "a\r\nb"},
      {"non-synchronizing literal", "{3+}\r\nabc", true, "abc"},
      {"literal8", "~{3}\r\nabc", true, "abc"},
      {"literal without CRLF", "{3}abc", false, ""},
      {"nothing", "", false, ""},
      {"8-bit atom", "caf\xc3\xa9", true, "caf"},
  };
  for (const Row& row : rows) {
    INFO(row.name);
    Reader in(row.text);
    CHECK(in.astring() == row.value);
    CHECK(in.failed() == !row.good);
  }
}

TEST_CASE("reader: numbers have a maximum") {
  CHECK(Reader("4294967295").number() == 4294967295U);
  Reader tooLarge("4294967296");
  CHECK(tooLarge.number() == 0);
  CHECK(tooLarge.failed());
  Reader zero("0");
  (void)zero.nonZeroNumber();
  CHECK(zero.failed());
  CHECK(Reader("9223372036854775807").number64() == 9223372036854775807U);
}

TEST_CASE("a literal's mark is found at the end of a line alone") {
  const auto mark = [](std::string_view line) { return literalAtEnd(line).value(); };
  CHECK(mark("a APPEND x {310}")->size == 310);
  CHECK(mark("a APPEND x {310}")->synchronizing);
  CHECK_FALSE(mark("a APPEND x {310+}")->synchronizing);
  CHECK(mark("a APPEND x ~{310+}")->binary);
  CHECK(mark("a APPEND x ~{310+}")->length == 7);
  CHECK_FALSE(mark("a NOOP"));
  CHECK_FALSE(mark("a {12}x"));
  CHECK_FALSE(mark("a {}"));
  CHECK_FALSE(mark("a {1 }"));
  CHECK_FALSE(mark("}"));
  CHECK_FALSE(literalAtEnd("a {99999999999999999999}"));
}
