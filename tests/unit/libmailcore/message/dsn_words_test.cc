#include "libmailcore/message/dsn_words.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "libmailcore/message/dsn.h"

using namespace ostler;
using namespace ostler::message;

TEST_CASE("words of a report are read line by line, and what is missing stays English") {
  const auto words = DsnWords::parse("# Deutsch\nfailed.subject: Nicht zugestellt\r\nintro: Dies ist\n   der Mailserver {host}.\n");
  REQUIRE(words);
  CHECK(words->get("failed.subject", "x") == "Nicht zugestellt");
  CHECK(fillIn(words->get("intro", "x"), "host", "a.test") == "Dies ist der Mailserver a.test.");
  CHECK(words->get("outro", "english") == "english");
}

TEST_CASE("a mistake in the words of a report is told with its line") {
  struct Row {
    const char* text;
    const char* what;
  };
  for (const Row& row : {Row{"nonsense", "line 1"}, Row{"# a\nfailed.subjekt: x", "line 2: there is no key 'failed.subjekt'"},
                         Row{"  text", "no key for this text"}, Row{"intro: \xff", "UTF-8"}}) {
    INFO(row.text);
    const auto words = DsnWords::parse(row.text);
    REQUIRE_FALSE(words);
    CHECK_THAT(words.error().detail, Catch::Contains(row.what));
  }
}

TEST_CASE("the words that are shipped are read") {
  std::ifstream file("etc/reports/de.txt");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  REQUIRE_FALSE(text.empty());
  const auto words = DsnWords::parse(text);
  REQUIRE(words);
  for (const std::string_view key : DsnWords::keys()) {
    INFO(key);
    CHECK(words->get(key, "") != "");
  }
}

TEST_CASE("a report in two languages has the first one's subject and both texts") {
  const auto german = DsnWords::parse("failed.subject: Nicht zugestellt\nfailed.heading: Ihre Nachricht kam nicht an bei:\n");
  REQUIRE(german);
  const DsnWords english;
  DsnRequest request;
  request.reportingMta = "mail.a.test";
  request.to = "a@b.test";
  request.queueId = "01abc";
  request.content = "Subject: x\r\n\r\n";
  request.recipients.emplace_back().recipient = "c@d.test";
  request.words = {&*german, &english};
  const std::string report = buildDsn(request);
  CHECK_THAT(report, Catch::Contains("Subject: Nicht zugestellt: x"));
  CHECK_THAT(report, Catch::Contains("Ihre Nachricht kam nicht an bei:"));
  CHECK_THAT(report, Catch::Contains("Your message could not be delivered to:"));
}
