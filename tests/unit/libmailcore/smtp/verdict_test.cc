#include "libmailcore/smtp/verdict.h"

#include <catch2/catch.hpp>

using namespace ostler::smtp;

TEST_CASE("a reply is judged by its code, by its enhanced code where that says more, and the rule says why") {
  struct Row {
    int code;
    const char* enhanced;
    Verdict verdict;
    const char* why;
  };
  for (const Row& row : {Row{250, "2.1.5", Verdict::delivered, "2yz"}, Row{450, "", Verdict::deferred, "4yz"}, Row{421, "4.3.2", Verdict::deferred, "4yz"},
                         Row{550, "5.1.1", Verdict::failed, "5yz"}, Row{550, "", Verdict::failed, "5yz"}, Row{552, "5.2.2", Verdict::failed, "5yz"},
                         Row{552, "5.5.3", Verdict::deferred, "4.5.3.1.10"}, Row{521, "5.3.2", Verdict::failed, "RFC 7504"},
                         Row{550, "4.2.2", Verdict::failed, "temporary (RFC 5321"}, Row{451, "5.7.1", Verdict::deferred, "final (RFC 5321"},
                         Row{354, "", Verdict::deferred, "none of"}, Row{0, "", Verdict::deferred, "none of"}, Row{999, "", Verdict::deferred, "none of"}}) {
    CAPTURE(row.code, row.enhanced);
    const Judgement judgement = judge(row.code, row.enhanced);
    CHECK(judgement.verdict == row.verdict);
    CHECK(judgement.rule.find(row.why) != std::string_view::npos);
  }
}

TEST_CASE("552 without more to a recipient after others means too many, to the first a full mailbox (RFC 5321 4.5.3.1.10)") {
  CHECK(judge(552, "").verdict == Verdict::failed);
  CHECK(judgeAfterOthers(552, "").verdict == Verdict::deferred);
  CHECK(judgeAfterOthers(552, "").rule.find("4.5.3.1.10") != std::string_view::npos);
  CHECK(judgeAfterOthers(552, "5.2.2").verdict == Verdict::failed);
  CHECK(judgeAfterOthers(550, "").verdict == Verdict::failed);
}
