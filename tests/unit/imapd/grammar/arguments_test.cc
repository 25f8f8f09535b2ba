// Sets, FETCH items, SEARCH keys, LIST arguments, flags: what the grammar makes of commands' arguments.
#include <catch2/catch.hpp>

#include "imapd/grammar/fetch_items.h"
#include "imapd/grammar/flags.h"
#include "imapd/grammar/list_arguments.h"
#include "imapd/grammar/search_key.h"
#include "imapd/grammar/write.h"

using namespace ostler;
using namespace ostler::imap;
using Range = SequenceSet::Range;

namespace {

std::vector<Range> resolved(std::string_view text, std::uint32_t largest) {
  Reader in(text);
  const SequenceSet set = readSequenceSet(in);
  in.end();
  REQUIRE_FALSE(in.failed());
  return set.resolve(largest);
}

FetchArguments fetchArguments(std::string_view text) {
  Reader in(text);
  FetchArguments arguments = readFetchArguments(in);
  INFO(text);
  CHECK_FALSE(in.failed());
  return arguments;
}

bool fetchFails(std::string_view text) {
  Reader in(text);
  (void)readFetchArguments(in);
  return in.failed();
}

SearchArguments searchArguments(std::string_view text) {
  Reader in(text);
  SearchArguments arguments = readSearchArguments(in);
  INFO(text);
  CHECK_FALSE(in.failed());
  return arguments;
}

bool searchFails(std::string_view text) {
  Reader in(text);
  (void)readSearchArguments(in);
  return in.failed();
}

}  // namespace

TEST_CASE("sequence set: ranges are sorted and joined, * is the largest") {
  CHECK(resolved("1:3,5,4", 10) == std::vector<Range>{{1, 5}});
  CHECK(resolved("*", 10) == std::vector<Range>{{10, 10}});
  CHECK(resolved("*:8", 10) == std::vector<Range>{{8, 10}});
  CHECK(resolved("20:*", 10) == std::vector<Range>{{10, 20}});
  CHECK(resolved("7:2", 10) == std::vector<Range>{{2, 7}});
  CHECK(resolved("1:*", 0) == std::vector<Range>{{1, 1}});
  CHECK(resolved("*", 0).empty());
  CHECK(resolved("4294967295,1", 10) == std::vector<Range>{{1, 1}, {4294967295U, 4294967295U}});
}

TEST_CASE("sequence set: what is none is refused") {
  for (const char* text : {"", "0", "1:", ",1", "1,,2", "a", "1:2:3", "4294967296"}) {
    Reader in(text);
    (void)readSequenceSet(in);
    in.end();
    INFO(text);
    CHECK(in.failed());
  }
}

TEST_CASE("fetch items: labels are what the response says") {
  CHECK(fetchArguments("BODY[]").items[0].label == "BODY[]");
  CHECK(fetchArguments("body.peek[header.fields (Subject \"X y\")]<0.10>").items[0].label ==
        "BODY[HEADER.FIELDS (Subject \"X y\")]<0>");
  CHECK(fetchArguments("(BODY.PEEK[1.2.MIME] UID)").items[0].label == "BODY[1.2.MIME]");
  CHECK(fetchArguments("BINARY.PEEK[2]<5.6>").items[0].label == "BINARY[2]<5>");
  CHECK(fetchArguments("BINARY.SIZE[1.1]").items[0].label == "BINARY.SIZE[1.1]");
  CHECK(fetchArguments("RFC822.HEADER").items[0].label == "RFC822.HEADER");
}

TEST_CASE("fetch items: macros and modifiers") {
  CHECK(fetchArguments("ALL").items.size() == 4);
  CHECK(fetchArguments("FAST").items.size() == 3);
  CHECK(fetchArguments("full").items.size() == 5);
  const FetchArguments resync = fetchArguments("(UID FLAGS) (CHANGEDSINCE 12345 VANISHED)");
  CHECK(resync.changedSince == 12345U);
  CHECK(resync.vanished);
  CHECK(fetchArguments("BODY[]").setsSeen());
  CHECK(fetchArguments("RFC822").setsSeen());
  CHECK_FALSE(fetchArguments("(BODY.PEEK[] RFC822.HEADER RFC822.SIZE BODY)").setsSeen());
}

TEST_CASE("fetch items: what is none is refused") {
  for (const char* text : {"", "()", "(FLAGS", "BODY[MIME]", "BODY[1.]", "BODY[0]", "BODY[]<1>", "BODY[]<1.0>",
                           "NOSUCH", "FLAGS UID", "BODY[HEADER.FIELDS ()]", "(FLAGS ALL)", "BODY[TEXT", "BODYX"}) {
    INFO(text);
    CHECK(fetchFails(text));
  }
}

TEST_CASE("search keys: every key with its operand") {
  using Kind = SearchKey::Kind;
  CHECK(searchArguments("UNSEEN").key.kind == Kind::flagClear);
  CHECK(searchArguments("UNKEYWORD Work").key.kind == Kind::negation);
  CHECK(searchArguments("1:5 DELETED").key.operands.size() == 2);
  CHECK(searchArguments("OR FROM a (TO b CC c)").key.operands[1].operands.size() == 2);
  CHECK(searchArguments("SINCE 1-Feb-1994").key.kind == Kind::arrivedSince);
  CHECK(searchArguments("SENTON \"01-Feb-1994\"").key.kind == Kind::sentOn);
  CHECK(searchArguments("HEADER Message-ID \"\"").key.field == "Message-ID");
  CHECK(searchArguments("UID 5:*").key.set.ranges[0] == Range{5, 0});
  CHECK(searchArguments("MODSEQ \"/flags/\\\\draft\" all 620162338").key.number == 620162338U);
  CHECK(searchArguments("MODSEQ 5").usesModSeq);
  CHECK(searchArguments("NOT NOT SEEN").key.operands[0].operands[0].kind == Kind::flagSet);
  CHECK(searchArguments("YOUNGER 259200").key.number == 259200U);
  CHECK(searchArguments("CHARSET UTF-8 TEXT {6}\r\ncaf\xc3\xa9!").key.text == "caf\xc3\xa9!");
}

TEST_CASE("search: return options") {
  CHECK(searchArguments("RETURN () ALL").options.all);
  const auto options = searchArguments("RETURN (MIN COUNT SAVE) SEEN").options;
  CHECK((options.given && options.min && options.count && options.save && !options.all));
  CHECK(searchArguments("$ SMALLER 10").key.operands[0].set.saved);
}

TEST_CASE("search keys: what is none is refused") {
  std::string deep;
  for (int i = 0; i < 500; ++i) deep += "NOT ";
  for (const std::string& text :
       std::vector<std::string>{"", "NOSUCH", "OR SEEN", "NOT", "BEFORE yesterday", "(SEEN", "SEEN)", "LARGER x",
                                "RETURN (FOO) ALL", deep + "ALL", std::string(500, '(') + "ALL"}) {
    INFO(text);
    CHECK(searchFails(text));
  }
}

TEST_CASE("list arguments: the forms of RFC 5258") {
  const auto list = [](std::string_view text) {
    Reader in(text);
    ListArguments arguments = readListArguments(in);
    INFO(text);
    CHECK_FALSE(in.failed());
    return arguments;
  };
  CHECK(list("\"\" *").patterns == std::vector<std::string>{"*"});
  CHECK_FALSE(list("\"\" *").extended);
  CHECK(list("(SUBSCRIBED RECURSIVEMATCH) \"\" (\"INBOX\" Drafts/%) RETURN (CHILDREN STATUS (MESSAGES UNSEEN))")
            .status.size() == 2);
  CHECK(list("\"\" % RETURN (SPECIAL-USE)").returnSpecialUse);
  Reader alone("(RECURSIVEMATCH) \"\" *");
  (void)readListArguments(alone);
  CHECK(alone.failed());
}

TEST_CASE("list patterns") {
  struct Row {
    const char* pattern;
    const char* name;
    bool matches;
  };
  const std::vector<Row> rows = {{"*", "a/b", true},
                                 {"%", "a", true},
                                 {"%", "a/b", false},
                                 {"a/%", "a/b", true},
                                 {"a/%", "a", false},
                                 {"%/b", "a/b", true},
                                 {"*b", "a/b/b", true},
                                 {"a*c%e", "abcde", true},
                                 {"a*c%e", "abcd/e", false},
                                 {"%a%b", "xaab", true},
                                 {"*%", "a/b/c", true},
                                 {"", "", true},
                                 {"%", "", true},
                                 {"INBOX", "INBOX", true},
                                 {"a%", "b", false},
                                 {"*/x%/y", "a/xx/b/x1/y", true}};
  for (const Row& row : rows) {
    INFO(row.pattern << " on " << row.name);
    CHECK(matchesPattern(row.pattern, row.name) == row.matches);
  }
}

TEST_CASE("list patterns: many wildcards do not take exponential time") {
  std::string pattern;
  for (int i = 0; i < 300; ++i) pattern += "*a%";
  CHECK_FALSE(matchesPattern(pattern + "b", std::string(900, 'a')));
}

TEST_CASE("flags: lists, system flags and keywords") {
  Reader in("(\\Seen \\deleted Work $Forwarded \\Recent)");
  const store::FlagNames names = readFlagList(in);
  CHECK_FALSE(in.failed());
  CHECK(names.system == (store::Flags::kSeen | store::Flags::kDeleted));
  CHECK(names.keywords == std::vector<std::string>{"Work", "$Forwarded"});
  CHECK(flagsOf(names, {"x", "work"}).bits == (names.system | 1U << 6));
  Reader unknown("(\\Nosuch)");
  (void)readFlagList(unknown);
  CHECK(unknown.failed());
}

TEST_CASE("write: dates, flags and strings as the RFC has them") {
  std::string out;
  appendDateTime(out, 837570205);
  CHECK(out == "\"17-Jul-1996 02:23:25 +0000\"");
  out.clear();
  appendDateTime(out, 0);
  CHECK(out == "\" 1-Jan-1970 00:00:00 +0000\"");
  out.clear();
  appendFlags(out, store::Flags{store::Flags::kSeen | 1U << 6}, {"a", "b"});
  CHECK(out == "\\Seen b");
  out.clear();
  appendString(out, "a\r\nb");
  CHECK(out == "{4}\r\na\r\nb");
  out.clear();
  SetWriter set(out);
  for (const std::uint32_t number : {1U, 2U, 3U, 5U, 7U, 8U}) set.add(number);
  set.finish();
  CHECK(out == "1:3,5,7:8");
}
