#include "libmailcore/directory/aliases_file.h"

#include <catch2/catch.hpp>

using namespace ostler::directory;
using TargetKind = AliasTarget::Kind;

namespace {
std::vector<AliasTarget> only(const std::string& text) {
  const AliasesFile file = parseAliasesFile(text);
  REQUIRE(file.problems.empty());
  REQUIRE(file.entries.size() == 1);
  return file.entries[0].targets;
}
}  // namespace

TEST_CASE("an aliases file as Debian ships it is read") {
  const AliasesFile file = parseAliasesFile(
      "# See man 5 aliases for format\n"
      "postmaster:    root\n"
      "\n"
      "Root: alice, bob@example.net,\n"
      "   carol\n"
      "nobody: /dev/null\r\n");
  REQUIRE(file.problems.empty());
  REQUIRE(file.entries.size() == 3);
  CHECK(
      file.entries[1] ==
      AliasEntry{"root", {{TargetKind::address, "alice"}, {TargetKind::address, "bob@example.net"}, {TargetKind::address, "carol"}}, 4});
  CHECK(file.entries[2].targets[0] == AliasTarget{TargetKind::file, "/dev/null"});
}

TEST_CASE("each kind of target is told from the others") {
  struct Row {
    const char* text;
    AliasTarget target;
  };
  const std::vector<Row> rows = {
      {R"(a: \bob)", {TargetKind::mailbox, "bob"}},
      {R"(a: "|/usr/bin/vacation -a, bob")", {TargetKind::pipe, "/usr/bin/vacation -a, bob"}},
      {R"(a: |"/usr/bin/vacation bob")", {TargetKind::pipe, "/usr/bin/vacation bob"}},
      {R"(a: |/usr/bin/vacation bob)", {TargetKind::pipe, "/usr/bin/vacation bob"}},
      {R"(a: "|\"/opt/my program\" x")", {TargetKind::pipe, "\"/opt/my program\" x"}},
      {R"(a: "/var/mail/old mail")", {TargetKind::file, "/var/mail/old mail"}},
      {R"(a: :include:/etc/mail/list)", {TargetKind::include, "/etc/mail/list"}},
      {R"(a: "John Doe"@example.net)", {TargetKind::address, "\"John Doe\"@example.net"}},
      {R"(a: <bob@example.net>)", {TargetKind::address, "bob@example.net"}},
      {R"(a: "/dev"@example.net)", {TargetKind::address, "/dev@example.net"}},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const auto targets = only(row.text);
    CHECK(targets == std::vector<AliasTarget>{row.target});
    CHECK(parseAliasTarget(formatAliasTarget(row.target)).value() == row.target);
  }
}

TEST_CASE("every problem of an aliases file is told, with its line") {
  const AliasesFile file = parseAliasesFile(
      "good: bob\n"
      "no colon here\n"
      "empty:\n"
      "good: carol\n"
      "quote: \"abc\n"
      "user@example.test: bob\n"
      "rel: :include:list\n"
      "sp: two words\n");
  CHECK(file.entries.size() == 1);
  std::vector<std::size_t> lines;
  for (const AliasProblem& problem : file.problems) lines.push_back(problem.line);
  CHECK(lines == std::vector<std::size_t>{2, 3, 4, 5, 6, 7, 8});
}
