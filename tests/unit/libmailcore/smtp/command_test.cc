#include "libmailcore/smtp/command.h"

#include <catch2/catch.hpp>

namespace ostler::smtp {
namespace {

TEST_CASE("command: a line is a verb and an argument") {
  CHECK(splitCommand("NOOP").verb == "NOOP");
  CHECK(splitCommand("NOOP").argument.empty());
  CHECK(splitCommand("mail FROM:<a@b>  ").argument == "FROM:<a@b>");
  CHECK(splitCommand("").verb.empty());
  CHECK(splitCommand(" X").verb.empty());
}

TEST_CASE("command: MAIL with all its parameters") {
  const auto mail = parseMail("from:<a@b> size=12 BODY=8bitmime SMTPUTF8 AUTH=a+2Bc@d RET=hdrs ENVID=id+3D1");
  REQUIRE(mail);
  CHECK(mail->path.text() == "a@b");
  CHECK(mail->parameters.size == 12);
  CHECK(mail->parameters.body == Body::eightBitMime);
  CHECK(mail->parameters.smtpUtf8);
  CHECK(mail->parameters.auth == "a+c@d");
  CHECK(mail->parameters.ret == ReturnContent::headers);
  CHECK(mail->parameters.envid == "id=1");
  CHECK(parseMail("FROM: <a@b>")->path.text() == "a@b");
}

TEST_CASE("command: MAIL with what it asks of the way") {
  const auto mail = parseMail("FROM:<a@b> BY=120;rt HOLDFOR=3600 MT-PRIORITY=-4 REQUIRETLS");
  REQUIRE(mail);
  CHECK(mail->parameters.by == DeliverBy{120, true, true});
  CHECK(mail->parameters.holdFor == 3600);
  CHECK(mail->parameters.priority == -4);
  CHECK(mail->parameters.requireTls);
  CHECK(format(mail->parameters) == " BY=120;RT HOLDFOR=3600 MT-PRIORITY=-4 REQUIRETLS");
  CHECK(parseMail("FROM:<a@b> BY=-5;N")->parameters.by == DeliverBy{-5, false, false});
}

TEST_CASE("command: HOLDUNTIL is a time of RFC 3339 in any zone") {
  CHECK(parseMail("FROM:<a@b> HOLDUNTIL=2023-11-14T22:13:20Z")->parameters.holdUntil == 1'700'000'000);
  CHECK(parseMail("FROM:<a@b> HOLDUNTIL=2023-11-15T00:13:20.5+02:00")->parameters.holdUntil == 1'700'000'000);
  CHECK(format(parseMail("FROM:<a@b> HOLDUNTIL=2024-02-29t23:59:59z")->parameters) == " HOLDUNTIL=2024-02-29T23:59:59Z");
}

TEST_CASE("command: what asks the impossible of the way is refused") {
  const std::string wrong =
      GENERATE("BY=", "BY=1", "BY=0;R", "BY=-1;R", "BY=1;X", "BY=1;NTT", "BY=1234567890;N", "BY=+;N", "HOLDFOR=0",
               "HOLDFOR=", "HOLDFOR=-1", "HOLDFOR=1234567890", "HOLDFOR=1 HOLDUNTIL=2023-11-14T22:13:20Z",
               "HOLDUNTIL=2023-11-14T22:13:20", "HOLDUNTIL=2023-02-30T00:00:00Z", "HOLDUNTIL=2023-11-14T24:00:00Z",
               "HOLDUNTIL=2023-11-14T22:13:20.Z", "HOLDUNTIL=2023-11-14T22:13:20+2:00", "MT-PRIORITY=10", "MT-PRIORITY=-0",
               "MT-PRIORITY=", "MT-PRIORITY=+1", "REQUIRETLS=1");
  CAPTURE(wrong);
  CHECK(parseMail("FROM:<a@b> " + wrong).error().kind == Error::Kind::syntax);
}

TEST_CASE("command: RCPT with all its parameters") {
  const auto rcpt = parseRcpt("TO:<a@b> NOTIFY=success,DELAY ORCPT=RFC822;x+40y");
  REQUIRE(rcpt);
  CHECK(rcpt->parameters.notify == Notify{true, false, true});
  CHECK(rcpt->parameters.orcpt->text() == "rfc822;x@y");
  CHECK(parseRcpt("TO:<a@b> NOTIFY=NEVER")->parameters.notify == Notify{});
  CHECK(parseRcpt("TO:<a@b> ORCPT=utf-8;\\x{FC}@y")->parameters.orcpt->address == "\xc3\xbc@y");
  CHECK(OriginalRecipient::fromText("rfc822;x@y")->address == "x@y");
}

TEST_CASE("command: an unknown parameter is told apart from a bad one") {
  CHECK(parseMail("FROM:<a@b> X=1").error().kind == Error::Kind::notFound);
  CHECK(parseRcpt("TO:<a@b> SIZE=1").error().kind == Error::Kind::notFound);
  const std::string bad = GENERATE("SIZE=", "SIZE=x", "SIZE=-1", "SIZE=123456789012345678901", "SIZE=1 SIZE=2", "BODY=9BIT", "BODY",
                                   "SMTPUTF8=1", "SMTPUTF8=", "REQUIRETLS=", "AUTH=", "AUTH=a+", "RET=ALL", "ENVID=", "ENVID=+0A", "ENVID=a+0Db");
  CAPTURE(bad);
  CHECK(parseMail("FROM:<a@b> " + bad).error().kind == Error::Kind::syntax);
}

TEST_CASE("command: a bad parameter of RCPT is refused") {
  const std::string bad =
      GENERATE("NOTIFY=", "NOTIFY=NEVER,SUCCESS", "NOTIFY=SUCCESS,SUCCESS", "ORCPT=", "ORCPT=a", "ORCPT=;a",
               "ORCPT=rfc822;", "ORCPT=rfc822;a+0D+0Ab", "ORCPT=utf-8;\\x{D}", "ORCPT=utf-8;\\x{0A}");
  CAPTURE(bad);
  CHECK(parseRcpt("TO:<a@b> " + bad).error().kind == Error::Kind::syntax);
}

TEST_CASE("command: parameters are written as they are read") {
  const auto mail = parseMail("FROM:<a@b> SIZE=12 BODY=BINARYMIME SMTPUTF8 AUTH=<> RET=FULL ENVID=x+2By");
  REQUIRE(mail);
  CHECK(format(mail->parameters) == " SIZE=12 BODY=BINARYMIME SMTPUTF8 AUTH=<> RET=FULL ENVID=x+2By");
  const auto rcpt = parseRcpt("TO:<a@b> NOTIFY=FAILURE,DELAY ORCPT=utf-8;\xc3\xbc@y");
  REQUIRE(rcpt);
  CHECK(format(rcpt->parameters) == " NOTIFY=FAILURE,DELAY ORCPT=utf-8;\\x{FC}@y");
}

TEST_CASE("command: HELO takes a domain, a literal, or a computer's name") {
  CHECK(parseHelo("mail.example.test"));
  CHECK(parseHelo("[192.0.2.1]"));
  CHECK(parseHelo("Anna's-PC"));
  CHECK_FALSE(parseHelo(""));
  CHECK_FALSE(parseHelo("a b"));
  CHECK_FALSE(parseHelo("a\x01"));
  CHECK_FALSE(parseHelo(std::string(256, 'a')));
}

TEST_CASE("ATRN: domains with commas between, or nothing at all") {
  CHECK(parseAtrn("")->empty());
  CHECK(parseAtrn("example.org,EXAMPLE.com") == std::vector<std::string>{"example.org", "EXAMPLE.com"});
  const char* const bad = GENERATE(",", "example.org,", "example.org, example.com", "example org", "<example.org>", "a@example.org", "example..org");
  CAPTURE(bad);
  CHECK_FALSE(parseAtrn(bad));
  std::string many = "a.example";
  for (int n = 1; n < 100; ++n) many += ",a.example";
  CHECK(parseAtrn(many)->size() == 100);
  CHECK_FALSE(parseAtrn(many + ",a.example"));
}

TEST_CASE("command: BDAT and AUTH") {
  CHECK(parseBdat("100")->size == 100);
  CHECK_FALSE(parseBdat("100")->last);
  CHECK(parseBdat("0 last")->last);
  CHECK_FALSE(parseBdat(""));
  CHECK_FALSE(parseBdat("-1"));
  CHECK_FALSE(parseBdat("1 FIRST"));
  CHECK_FALSE(parseBdat("18446744073709551616"));
  CHECK(parseAuth("plain AGE=")->mechanism == "PLAIN");
  CHECK(parseAuth("plain AGE=")->initial == "AGE=");
  CHECK_FALSE(parseAuth("login")->initial);
  CHECK_FALSE(parseAuth(""));
  CHECK_FALSE(parseAuth("a/b"));
}

}  // namespace
}  // namespace ostler::smtp
