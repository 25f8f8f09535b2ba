#include "queued/route/known.h"

#include <catch2/catch.hpp>

using namespace ostler;
using namespace ostler::route;

TEST_CASE("a list of recipients has one a line, comments and blanks aside") {
  CHECK(parseRecipients("# all of us\nAlice\n\n bob@Example.TEST # him\r\n") == std::set<std::string>{"alice", "bob@example.test"});
}

TEST_CASE("who is listed is there: by local part, by address, with a tag, and postmaster always") {
  config::RouteRule rule;
  rule.recipients = {"alice", "bob@example.test"};
  rule.recipientsFile = "/lists/more";
  const RecipientFiles files = {{"/lists/more", {"carol"}}};
  struct Row {
    const char* path;
    Listed listed;
  };
  const Row rows[] = {{"Alice@example.test", Listed::yes},  {"alice+news@example.test", Listed::yes}, {"bob@EXAMPLE.test", Listed::yes},
                      {"bob@other.test", Listed::no},       {"carol@example.test", Listed::yes},      {"dave@example.test", Listed::no},
                      {"postmaster@example.test", Listed::yes}, {"+@example.test", Listed::no}};
  for (const Row& row : rows) {
    INFO(row.path);
    CHECK(isListed(rule, files, row.path, "+") == row.listed);
  }
}

TEST_CASE("without a list nobody is looked for; with a file that could not be read nothing is known of whom the rule does not name") {
  config::RouteRule rule;
  CHECK(isListed(rule, {}, "a@b.test", "+") == Listed::noList);
  rule.recipientsFile = "/lists/lost";
  CHECK(isListed(rule, {}, "a@b.test", "+") == Listed::unreadable);
  CHECK(isListed(rule, {}, "postmaster@b.test", "+") == Listed::yes);
  rule.recipients = {"a"};
  CHECK(isListed(rule, {}, "a@b.test", "+") == Listed::yes);
  CHECK(isListed(rule, {}, "c@b.test", "+") == Listed::unreadable);
}

TEST_CASE("a list of recipients and an address mean one domain, whichever of them is written in U-labels") {
  config::RouteRule rule;
  rule.relay = true;
  for (const char* listed : {"anna@b\u00fccher.example", "anna@xn--bcher-kva.example"}) {
    for (const char* asked : {"Anna@B\u00fccher.example", "anna@XN--bcher-kva.example", "anna+x@b\u00fccher.example"}) {
      INFO(listed << " and " << asked);
      rule.recipients = {listed};
      rule.recipientsFile.clear();
      CHECK(route::isListed(rule, {}, asked, "+") == route::Listed::yes);
      rule.recipients.clear();
      rule.recipientsFile = "/list";
      CHECK(route::isListed(rule, {{"/list", route::parseRecipients(std::string(listed) + "\n")}}, asked, "+") == route::Listed::yes);
    }
  }
  CHECK(route::isListed(rule, {{"/list", {"anna@xn--bcher-kva.example"}}}, "berta@b\u00fccher.example", "+") == route::Listed::no);
}
