#include "libmailcore/message/dsn.h"

#include <catch2/catch.hpp>

#include "libmailcore/message/header.h"
#include "libmailcore/message/mime.h"

using namespace ostler;
using namespace ostler::message;

namespace {
const std::string kContent =
    "From: a@x\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <orig@x>\r\n\r\nsecret body\r\n";

DsnRequest request() {
  DsnRequest out;
  out.reportingMta = "mail.example.test";
  out.postmaster = "postmaster@example.test";
  out.to = "a@x";
  out.messageId = "report@example.test";
  out.envelopeId = "QQ314159";
  out.queueId = "01abc";
  out.arrived = fromUnixMillis(0);
  out.now = fromUnixMillis(60'000);
  out.content = kContent;
  DsnRecipient failed;
  failed.recipient = "bob@y";
  failed.originalRecipient = "rfc822;Bob@y";
  failed.status = "5.1.1";
  failed.remoteMta = "mx.y";
  failed.diagnostic = "550 5.1.1 no such\r\nuser";
  failed.diagnosticIsSmtp = true;
  out.recipients.push_back(failed);
  return out;
}
std::string partText(const std::string& report, std::size_t index) {
  const Structure structure = parseStructure(report);
  return structure.parts.size() > index ? std::string(octetsOf(report, structure.parts[index].body)) : "no such part";
}
}  // namespace

TEST_CASE("a failure report tells people and programs what happened") {
  const std::string report = buildDsn(request());
  const HeaderView header(report);
  CHECK(header.unfolded("Auto-Submitted") == "auto-replied");
  CHECK(header.unfolded("To") == "<a@x>");
  CHECK(header.unfolded("Subject") == "=?UTF-8?Q?Not_delivered=3A_Gr=C3=BC=C3=9Fe?=");
  CHECK(header.unfolded("In-Reply-To") == "<orig@x>");
  const Structure structure = parseStructure(report);
  REQUIRE(structure.parts.size() == 4);
  CHECK(structure.parts[0].type.is("multipart", "report"));
  CHECK(structure.parts[2].type.is("message", "delivery-status"));
  CHECK(structure.parts[3].type.is("text", "rfc822-headers"));
  CHECK(partText(report, 1).find("The server mx.y said: 550 5.1.1 no such") != std::string::npos);
  CHECK(
      partText(report, 2) ==
      "Original-Envelope-Id: QQ314159\r\nReporting-MTA: dns; mail.example.test\r\nX-Ostler-Queue-Id: 01abc\r\n"
      "Arrival-Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n\r\nOriginal-Recipient: rfc822; Bob@y\r\nFinal-Recipient: "
      "rfc822; bob@y\r\n"
      "Action: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mx.y\r\nDiagnostic-Code: smtp; 550 5.1.1 no such  user\r\n");
  CHECK(report.find("secret body") == std::string::npos);
}

TEST_CASE("a report says until when the message was held, and by when it should have arrived: RFC 4865, RFC 2852 5") {
  DsnRequest asked = request();
  asked.heldUntil = fromUnixMillis(1'790'000'000'000);
  asked.deliverBy = fromUnixMillis(1'790'000'600'000);
  const std::string fields = partText(buildDsn(asked), 2);
  CHECK(fields.find("Future-Release-Request: until; 2026-09-21T14:13:20Z\r\n") != std::string::npos);
  CHECK(fields.find("Deliver-By-Date: Mon, 21 Sep 2026 14:23:20 +0000\r\n") != std::string::npos);
  CHECK(fields.find("Deliver-By-Date") < fields.find("\r\n\r\n"));  // of the message, not of a recipient
}

TEST_CASE("the whole message goes back when asked for and small enough") {
  DsnRequest full = request();
  full.returned = DsnReturn::full;
  CHECK(buildDsn(full).find("secret body") != std::string::npos);
  CHECK(parseStructure(buildDsn(full)).parts[3].type.is("message", "rfc822"));
  full.maxReturnedOctets = 10;
  CHECK(buildDsn(full).find("secret body") == std::string::npos);
}

TEST_CASE("addresses beyond ASCII are escaped, or kept for a sender who takes UTF-8") {
  DsnRequest utf8 = request();
  utf8.recipients[0].recipient = "j\xC3\xB6rg@y";
  utf8.recipients[0].originalRecipient.clear();
  CHECK(partText(buildDsn(utf8), 2).find("Final-Recipient: utf-8; j\\x{F6}rg@y\r\n") != std::string::npos);
  utf8.smtpUtf8 = true;
  const std::string report = buildDsn(utf8);
  CHECK(parseStructure(report).parts[2].type.is("message", "global-delivery-status"));
  CHECK(partText(report, 2).find("Final-Recipient: utf-8; j\xC3\xB6rg@y\r\n") != std::string::npos);
}

TEST_CASE("what a remote server said in another charset is no octet beyond ASCII in a part that is ASCII, and UTF-8 for people") {
  DsnRequest all = request();
  all.recipients[0].diagnostic = "550 5.1.1 Bo\xeete pleine";
  all.envelopeId = "\xe9t\xe9";
  const std::string report = buildDsn(all);
  CHECK(partText(report, 2).find("Original-Envelope-Id: ?t?\r\n") != std::string::npos);
  CHECK(partText(report, 2).find("Diagnostic-Code: smtp; 550 5.1.1 Bo?te pleine\r\n") != std::string::npos);
  CHECK(partText(report, 1).find("Bo\xc3\xaete pleine") != std::string::npos);
  all.smtpUtf8 = true;
  all.recipients[0].recipient = "g\xc3\xbcnter@y";
  CHECK(partText(buildDsn(all), 2).find("Diagnostic-Code: smtp; 550 5.1.1 Bo\xc3\xaete pleine\r\n") != std::string::npos);
}

TEST_CASE("no line of a report is longer than mail may have, however much a server said") {
  DsnRequest all = request();
  all.recipients[0].diagnostic = "550 5.1.1 " + std::string(5000, 'x') + std::string(5000, '\xe9');
  all.recipients[0].remoteMta = std::string(3000, 'y');
  const std::string report = buildDsn(all);
  std::size_t longest = 0;
  for (std::size_t at = 0; at < report.size();) {
    const std::size_t end = report.find("\r\n", at);
    longest = std::max(longest, end - at);
    at = end + 2;
  }
  CHECK(longest <= 998);
}

TEST_CASE("a delay report says that nothing has to be done") {
  DsnRequest delayed = request();
  delayed.recipients[0].action = DsnAction::delayed;
  delayed.recipients[0].status = "4.4.1";
  delayed.recipients[0].willRetryUntil = fromUnixMillis(3'600'000);
  const std::string report = buildDsn(delayed);
  CHECK(partText(report, 1).find("need not send it again") != std::string::npos);
  CHECK(partText(report, 2).find("Will-Retry-Until: Thu, 01 Jan 1970 01:00:00 +0000") != std::string::npos);
}

TEST_CASE("a boundary that stands in the message is not used") {
  DsnRequest hostile = request();
  const std::string content = "Subject: x\r\n--=_report_01abc--\r\n\r\n--=_report_01abc\r\n";
  hostile.content = content;
  hostile.returned = DsnReturn::full;
  CHECK(partText(buildDsn(hostile), 3) == content);
}
