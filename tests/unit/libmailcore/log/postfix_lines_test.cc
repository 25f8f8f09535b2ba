#include "libmailcore/log/postfix_lines.h"

#include <catch2/catch.hpp>

using ostler::log::toPostfix;

namespace {

struct InOurWords {
  const char* ours;
  const char* theirs;
};

const std::string kSaidAt = "2026-11-22T12:00:00.123Z ";

const InOurWords kInBothWords[] = {
    {"info queued/spool accepted id=01a session=s service=smtp client=192.0.2.7:4321 user=\"\" from=a@b.example to=c@d.example recipients=2 message_id=<1@b> size=534",
     "smtpd[1]: 01a: client=unknown[192.0.2.7]\ncleanup[1]: 01a: message-id=<1@b>\nqmgr[1]: 01a: from=<a@b.example>, size=534, nrcpt=2 (queue active)\n"},
    {"info queued/spool accepted id=01a service=submission client=[2001:db8::1]:25 user=a@b.example from=\"\" recipients=1 message_id=\"\" size=1",
     "smtpd[1]: 01a: client=unknown[2001:db8::1], sasl_username=a@b.example\ncleanup[1]: 01a: message-id=\nqmgr[1]: 01a: from=<>, size=1, nrcpt=1 (queue active)\n"},
    {"info queued/spool accepted id=01a service=pickup client=\"uid 1000\" user=\"\" from=a@b.example recipients=1 message_id=\"\" size=1",
     "pickup[1]: 01a: uid=1000 from=<a@b.example>\ncleanup[1]: 01a: message-id=\nqmgr[1]: 01a: from=<a@b.example>, size=1, nrcpt=1 (queue active)\n"},
    {"info queued/spool accepted id=01b service=report client=01a user=\"\" from=\"\" recipients=1 message_id=<2@b> size=1",
     "cleanup[1]: 01b: message-id=<2@b>\nqmgr[1]: 01b: from=<>, size=1, nrcpt=1 (queue active)\n"},
    {"info queued/spool delivered id=01a to=bob@example.test by=bob@example.test delay_ms=104 reply=\"250 2.0.0 Delivered\" next=-",
     "local[1]: 01a: to=<bob@example.test>, relay=local, delay=0.10, dsn=2.0.0, status=sent (250 2.0.0 Delivered)\n"},
    {"warn queued/spool deferred id=01a to=c@d.example by=mx.d.example[192.0.2.9]:25 delay_ms=2500 reply=\"451 later\" next=900s",
     "smtp[1]: 01a: to=<c@d.example>, relay=mx.d.example[192.0.2.9]:25, delay=2.50, dsn=4.0.0, status=deferred (451 later)\n"},
    {"warn queued/spool failed id=01a to=c@d.example by=\"\" delay_ms=1 reply=\"550 5.1.1 No such user\" next=-",
     "smtp[1]: 01a: to=<c@d.example>, relay=none, delay=0.00, dsn=5.1.1, status=bounced (550 5.1.1 No such user)\n"},
    {"info queued/spool refused client=192.0.2.7:1 user=\"\" helo=x.example from=a@b.example to=c@d.example stage=rcpt check=relay reply=\"550 5.7.1 No relay\"",
     "smtpd[1]: NOQUEUE: reject: RCPT from unknown[192.0.2.7]: 550 5.7.1 <c@d.example>: No relay; from=<a@b.example> to=<c@d.example> proto=ESMTP helo=<x.example>\n"},
    {"info smtpd refused session=s client=192.0.2.7:1 helo=\"\" from=\"\" stage=\"end of data\" check=line_ends reply=\"550 5.6.0 Bare\"",
     "smtpd[1]: NOQUEUE: reject: END-OF-MESSAGE from unknown[192.0.2.7]: 550 5.6.0 Bare; from=<> to=<> proto=ESMTP helo=<>\n"},
    {"info smtpd login-failed session=s service=submission client=192.0.2.7:1 tls=none mechanism=PLAIN user=x reason=\"wrong password\"",
     "smtpd[1]: warning: unknown[192.0.2.7]: SASL PLAIN authentication failed: wrong password\n"},
    {"info imapd login-failed session=s service=imap client=192.0.2.7:1 tls=none mechanism=PLAIN user=x reason=\"wrong password\"", ""},
    {"info queued/spool report id=01b about=01a to=a@b.example", "bounce[1]: 01a: sender non-delivery notification: 01b\n"},
    {"info queued/out deferred message=01a to=c@d.example host=\"\" tls=\"\" reply=\"451 later\" ms=0", ""},
    {"info smtpd started workers=2", ""},
    {"nonsense", ""},
};

std::string stamped(std::string_view theirs) {
  std::string out;
  while (!theirs.empty()) {
    const std::size_t end = theirs.find('\n') + 1;
    out += kSaidAt + "mail postfix/" + std::string(theirs.substr(0, end));
    theirs.remove_prefix(end);
  }
  return out;
}

}  // namespace

TEST_CASE("what we say of a message Postfix's readers hear as from Postfix") {
  for (const InOurWords& one : kInBothWords) {
    INFO(one.ours);
    CHECK(toPostfix(kSaidAt + one.ours, "mail") == stamped(one.theirs));
  }
}

TEST_CASE("what a peer said ends no address and no line") {
  const std::string line = toPostfix(kSaidAt + "info queued/spool refused client=192.0.2.7:1 user=\"\" helo=\"x> y\" from=\"a> to=<b\" to=\"c\\x0ad\" stage=rcpt check=relay reply=\"550 5.7.1 No\"", "mail");
  CHECK(line.find('\n') == line.size() - 1);
  CHECK(line.find("from=<ato=b>") != std::string::npos);
  CHECK(line.find("helo=<xy>") != std::string::npos);
  const std::string id = toPostfix(kSaidAt + "warn queued/spool deferred id=\"\\x0a\\x0a\" to=x@y reply=\"451 later\"", "mail");
  CHECK(id.find('\n') == id.size() - 1);
}
