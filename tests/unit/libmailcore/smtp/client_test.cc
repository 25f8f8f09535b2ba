#include "libmailcore/smtp/client.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "libmailcore/base/random.h"
#include "libmailcore/net/memory_stream.h"
#include "libmailcore/smtp/content_reader.h"
#include "tests/unit/libmailcore/smtp/scripted_server.h"

namespace ostler::smtp {
namespace {

using namespace std::chrono_literals;

constexpr const char* kHello =
    "S: 220 mx.example ESMTP\nC: EHLO me.example\nS: 250-mx.example\nS: 250-PIPELINING\nS: 250-8BITMIME\nS: 250-SIZE 100000\n"
    "S: 250 DSN\n";
constexpr const char* kPlainHello = "S: 220 mx.example ESMTP\nC: EHLO me.example\nS: 250 mx.example\n";

struct Session {
  explicit Session(std::string script, bool lmtp = false) : server{std::move(script), "", ""} {
    auto [here, there] = net::MemoryStream::makePair(loop);
    ClientOptions options{"me.example", lmtp, {}};
    options.timeouts.greeting = options.timeouts.command = options.timeouts.dataStart = options.timeouts.dataEnd = 200ms;
    client.emplace(net::Connection(loop, std::move(here)), options);
    scope.spawn(server.play(loop, net::Connection(loop, std::move(there))));
    transaction.reversePath = "a@example";
    addRecipient("b@example");
    content.prefix = "Received: x\r\n";
    setFile("Subject: y\r\n\r\n.dot\r\nend");
  }
  void addRecipient(const std::string& path) { transaction.recipients.push_back({path, {}}); }
  void setFile(const std::string& text) {
    file.reset(memfd_create("content", MFD_CLOEXEC));
    REQUIRE(write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    content.fd = file.get();
    content.length = text.size();
  }
  Result<Reply> greet() { return loop.runUntilDone(client->greet()); }
  Outcome send() { return loop.runUntilDone(client->send(transaction, content)); }
  /// Says goodbye and waits for the server to have played its part.
  std::string departure() {
    client.reset();
    (void)loop.runUntilDone(scope.whenIdle(Deadline::after(5s)));
    return server.departure;
  }

  Loop loop;
  ScriptedServer server;
  std::optional<Client> client;
  TaskScope scope{loop};
  UniqueFd file;
  Transaction transaction;
  Content content;
};

std::string codes(const Outcome& outcome) {
  std::string out;
  for (const Reply& reply : outcome.recipients) out += std::to_string(reply.code) + " " + reply.enhanced + ";";
  return out;
}

TEST_CASE("with PIPELINING the envelope leaves at once, content is dot-stuffed and ends with CRLF dot CRLF") {
  Session session(std::string(kHello) +
                  "C: MAIL FROM:<a@example> SIZE=36\nC: RCPT TO:<b@example>\nC: RCPT TO:<c@example>\nC: DATA\n"
                  "S: 250 2.1.0 ok\nS: 250 2.1.5 ok\nS: 550 5.1.1 unknown\nS: 354 go\nC: content\nS: 250 2.0.0 queued as 1\n"
                  "C: MAIL FROM:<a@example> SIZE=36\nC: RCPT TO:<b@example>\nC: RCPT TO:<c@example>\nC: DATA\n"
                  "S: 250 ok\nS: 250 ok\nS: 452 4.2.2 full\nS: 354 go\nC: content\nS: 250 ok\nC: QUIT\nS: 221 bye\n");
  session.addRecipient("c@example");
  REQUIRE(session.greet()->code == 250);
  const Outcome first = session.send();
  CHECK(codes(first) == "250 2.0.0;550 5.1.1;");
  CHECK(first.recipients[0].text == "queued as 1");
  CHECK(first.contentSent);
  CHECK(session.server.content == "Received: x\r\nSubject: y\r\n\r\n..dot\r\nend\r\n");
  CHECK(codes(session.send()) == "250 ;452 4.2.2;");
  session.loop.runUntilDone(session.client->quit());
  CHECK(session.departure() == "");
}

TEST_CASE("without PIPELINING each command waits for its reply, and without EHLO there is HELO") {
  Session session(
      "S: 220 old\nC: EHLO me.example\nS: 502 what?\nC: HELO me.example\nS: 250 hi\n"
      "C: MAIL FROM:<a@example>\nS: 250 ok\nC: RCPT TO:<b@example>\nS: 250 ok\nC: DATA\nS: 354 go\nC: content\nS: 250 ok\n");
  REQUIRE(session.greet()->code == 250);
  CHECK(codes(session.send()) == "250 ;");
  CHECK(session.departure() == "");
}

TEST_CASE("a refused MAIL refuses all, and 503 to the rest does not count") {
  Session session(std::string(kHello) +
                  "C: MAIL FROM:<a@example> SIZE=36\nC: RCPT TO:<b@example>\nC: DATA\n"
                  "S: 451 4.7.1 greylisted\nS: 503 no\nS: 503 no\n");
  REQUIRE(session.greet());
  const Outcome outcome = session.send();
  CHECK(codes(outcome) == "451 4.7.1;");
  CHECK(outcome.refusedAtOnce);
  CHECK(session.client->usable());
  CHECK(session.departure() == "");
}

TEST_CASE("354 although nobody was accepted gets an empty message whose reply means nothing: RFC 2920 3.1") {
  Session session(std::string(kHello) +
                  "C: MAIL FROM:<a@example> SIZE=36\nC: RCPT TO:<b@example>\nC: DATA\n"
                  "S: 250 ok\nS: 550 5.1.1 no\nS: 354 go\nC: content\nS: 554 no valid recipients\n"
                  "C: RSET\nC: MAIL FROM:<a@example> SIZE=36\nC: RCPT TO:<b@example>\nC: DATA\n"
                  "S: 250 reset\nS: 250 ok\nS: 250 ok\nS: 354 go\nC: content\nS: 250 2.0.0 ok\n");
  REQUIRE(session.greet());
  CHECK(codes(session.send()) == "550 5.1.1;");
  CHECK(session.server.content.empty());
  CHECK(codes(session.send()) == "250 2.0.0;");  // after a RSET
  CHECK(session.departure() == "");
}

TEST_CASE("a connection that drops after the final dot leaves the outcome open: temporary, and no other host is asked") {
  Session session(std::string(kHello) +
                  "C: MAIL FROM:<a@example> SIZE=36\nC: RCPT TO:<b@example>\nC: RCPT TO:<c@example>\nC: DATA\n"
                  "S: 250 ok\nS: 250 ok\nS: 550 5.1.1 no\nS: 354 go\nC: content\n-- close\n");
  session.addRecipient("c@example");
  REQUIRE(session.greet());
  const Outcome outcome = session.send();
  CHECK(codes(outcome) == "451 4.4.2;550 5.1.1;");
  CHECK(outcome.broken);
  CHECK(outcome.contentSent);
  CHECK_FALSE(session.client->usable());
}

TEST_CASE("a connection that drops before the content leaves only the unanswered open") {
  Session session(std::string(kHello) +
                  "C: MAIL FROM:<a@example> SIZE=36\nC: RCPT TO:<b@example>\nC: RCPT TO:<c@example>\nC: DATA\n"
                  "S: 250 ok\nS: 550 5.1.1 no\n-- close\n");
  session.addRecipient("c@example");
  REQUIRE(session.greet());
  const Outcome outcome = session.send();
  CHECK(codes(outcome) == "550 5.1.1;451 4.4.2;");
  CHECK_FALSE(outcome.contentSent);
}

TEST_CASE("a server that falls silent is given up in time, wherever it does") {
  for (const std::string& until : {std::string("-- silence\n"), std::string(kPlainHello) + "C: MAIL FROM:<a@example>\n-- silence\n",
                                   std::string(kPlainHello) +
                                       "C: MAIL FROM:<a@example>\nS: 250 ok\nC: RCPT TO:<b@example>\nS: 250 ok\nC: DATA\n"
                                       "S: 354 go\nC: content\n-- silence\n"}) {
    INFO(until);
    Session session(until);
    const Result<Reply> greeting = session.greet();
    if (!greeting) {
      CHECK(greeting.error().kind == Error::Kind::timeout);
      continue;
    }
    const Outcome outcome = session.send();
    REQUIRE(outcome.broken);
    CHECK(outcome.broken->kind == Error::Kind::timeout);
    CHECK(codes(outcome) == "451 4.4.2;");
  }
}

TEST_CASE("LMTP answers once for each accepted recipient: RFC 2033 4.2") {
  Session session(
      "S: 220 lmtp\nC: LHLO me.example\nS: 250-lmtp\nS: 250 PIPELINING\n"
      "C: MAIL FROM:<a@example>\nC: RCPT TO:<b@example>\nC: RCPT TO:<c@example>\nC: RCPT TO:<d@example>\nC: DATA\n"
      "S: 250 ok\nS: 250 ok\nS: 550 5.1.1 no\nS: 250 ok\nS: 354 go\nC: content\nS: 250 2.0.0 stored\nS: 452 4.2.2 over quota\n",
      true);
  session.addRecipient("c@example");
  session.addRecipient("d@example");
  REQUIRE(session.greet());
  CHECK(codes(session.send()) == "250 2.0.0;550 5.1.1;452 4.2.2;");
  CHECK(session.departure() == "");
}

TEST_CASE("large content goes by BDAT where CHUNKING is offered, without stuffing") {
  const std::string text = ".line\r\n" + std::string(200'000, 'x') + "\r\n";
  Session session("S: 220 mx\nC: EHLO me.example\nS: 250-mx\nS: 250-PIPELINING\nS: 250 CHUNKING\n"
                  "C: MAIL FROM:<a@example>\nC: RCPT TO:<b@example>\nS: 250 ok\nS: 250 ok\nC: BDAT 200022 LAST\nC: octets 200022\n"
                  "S: 250 2.0.0 ok\n");
  session.setFile(text);
  REQUIRE(session.greet());
  CHECK(codes(session.send()) == "250 2.0.0;");
  CHECK(session.server.content == "Received: x\r\n" + text);
  CHECK(session.departure() == "");
}

TEST_CASE("content that is not in the page cache is read by a thread, octet for octet the same") {
  std::string path = "./ostler-cold-XXXXXX";  // on a real disk, where a cache can be dropped
  UniqueFd disk(mkstemp(path.data()));
  unlink(path.c_str());
  const std::string text = randomOctets(3 << 20);
  REQUIRE(write(disk.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  Loop loop;
  Pool pool("cold", 1);
  ContentReader reader(loop, disk.get(), &pool);
  fdatasync(disk.get());
  posix_fadvise(disk.get(), 0, 0, POSIX_FADV_DONTNEED);
  std::string got;
  while (got.size() < text.size()) {
    const Result<std::string> block = loop.runUntilDone(reader.read(got.size(), 64 * 1024));
    REQUIRE(block);
    got += *block;
  }
  CHECK((got == text));
  posix_fadvise(disk.get(), 0, 0, POSIX_FADV_DONTNEED);
  loop.runUntilDone(reader.warm(0, text.size()));
  CHECK_FALSE(loop.runUntilDone(reader.read(text.size(), 10)));
}

TEST_CASE("what the server cannot take is refused before a word is said") {
  Session session(kHello);
  REQUIRE(session.greet());
  session.content.length = 200'000;
  CHECK(codes(session.send()) == "552 5.3.4;");
  session.content.length = 10;
  session.content.utf8Header = true;
  CHECK(codes(session.send()) == "553 5.6.7;");
  session.content.utf8Header = false;
  session.content.binary = true;
  CHECK(codes(session.send()) == "554 5.6.1;");
  session.content.binary = false;
  session.transaction.recipients[0].forwardPath = "b\xC3\xBC@example";
  CHECK(codes(session.send()) == "553 5.6.7;");
  session.transaction.recipients[0].forwardPath = "b@example>\r\nRCPT TO:<evil@example";
  CHECK(codes(session.send()) == "553 5.1.3;");
  CHECK(session.departure() == "");
}

TEST_CASE("DSN parameters go to a server that offers DSN: RFC 3461 4") {
  Session session(std::string(kHello) +
                  "C: MAIL FROM:<a@example> SIZE=36 RET=HDRS ENVID=e+3D1\n"
                  "C: RCPT TO:<b@example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;x@example\nC: DATA\n"
                  "S: 250 ok\nS: 250 ok\nS: 354 go\nC: content\nS: 250 2.0.0 ok\n");
  session.transaction.ret = ReturnContent::headers;
  session.transaction.envid = "e=1";
  session.transaction.recipients[0].parameters = {Notify{true, true, false}, OriginalRecipient{"rfc822", "x@example"}};
  REQUIRE(session.greet());
  const Outcome outcome = session.send();
  CHECK(outcome.dsnPassedOn == std::vector<bool>{true});
  CHECK(session.departure() == "");
}

TEST_CASE("AUTH speaks PLAIN, else LOGIN") {
  const std::string greeting = "S: 220 mx\nC: EHLO me.example\nS: 250-mx\nS: 250 AUTH ";
  Session plain(greeting + "LOGIN PLAIN\nC: AUTH PLAIN AHUAcA==\nS: 235 2.7.0 ok\n");
  REQUIRE(plain.greet());
  CHECK(plain.loop.runUntilDone(plain.client->authenticate("u", "p"))->code == 235);
  Session login(greeting + "LOGIN\nC: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: dQ==\nS: 334 UGFzc3dvcmQ6\nC: cA==\nS: 535 5.7.8 no\n");
  REQUIRE(login.greet());
  CHECK(login.loop.runUntilDone(login.client->authenticate("u", "p"))->code == 535);
  Session none(greeting + "CRAM-MD5\n");
  REQUIRE(none.greet());
  CHECK(none.loop.runUntilDone(none.client->authenticate("u", "p")).error().kind == Error::Kind::permanent);
}

TEST_CASE("over a connection on which we logged in MAIL says that nobody vouches for the submitter: RFC 4954 5") {
  const std::string mail = "MAIL FROM:<a@example>";
  const std::string rest = "\nS: 250 ok\nC: RCPT TO:<b@example>\nS: 550 no\n";
  Session known("S: 220 mx\nC: EHLO me.example\nS: 250-mx\nS: 250 AUTH PLAIN\nC: AUTH PLAIN AHUAcA==\nS: 235 ok\nC: " + mail + " AUTH=<>" + rest);
  REQUIRE(known.greet());
  REQUIRE(known.loop.runUntilDone(known.client->authenticate("u", "p")));
  CHECK(codes(known.send()) == "550 ;");
  CHECK(known.departure() == "");
  Session unknown("S: 220 mx\nC: EHLO me.example\nS: 250-mx\nS: 250 AUTH PLAIN\nC: " + mail + rest);
  REQUIRE(unknown.greet());
  CHECK(codes(unknown.send()) == "550 ;");
  CHECK(unknown.departure() == "");
}

TEST_CASE("many recipients go in groups, so that neither side's buffer fills up") {
  std::string script = std::string(kPlainHello);
  script.replace(script.rfind("250 mx"), 6, "250-mx");
  script += "S: 250 PIPELINING\nC: MAIL FROM:<a@example>\n";
  const int count = 250;
  std::string replies = "S: 250 ok\n";
  for (int i = 0, unanswered = 1; i < count; ++i) {
    if (unanswered == 100) {
      script += replies;
      replies.clear();
      unanswered = 0;
    }
    script += "C: RCPT TO:<r" + std::to_string(i) + "@example>\n";
    replies += "S: 250 ok\n";
    ++unanswered;
  }
  script += "C: DATA\n" + replies + "S: 354 go\nC: content\nS: 250 2.0.0 ok\n";
  Session session(script);
  session.transaction.recipients.clear();
  for (int i = 0; i < count; ++i) session.addRecipient("r" + std::to_string(i) + "@example");
  REQUIRE(session.greet());
  CHECK(session.send().recipients.size() == count);
  CHECK(session.departure() == "");
}

TEST_CASE("a greeting that is none ends the session") {
  for (const char* script : {"S: 554 5.7.1 go away\n", "S: HTTP/1.1 400 Bad Request\n", "S: 250 odd\n", "-- close\n"}) {
    INFO(script);
    Session session(script);
    const Result<Reply> greeting = session.greet();
    CHECK((!greeting || !greeting->isPositive()));
    CHECK_FALSE(session.client->usable());
  }
}

TEST_CASE("capabilities are read without case, unknown ones passed over") {
  const Capabilities can = parseCapabilities({250, "", "mx PIPELINING\nsize 1000\nAuth plain LOGIN\nX-NEW thing\n8bitmime\nSIZEX"});
  CHECK(can.size);
  CHECK(can.maxSize == 1000);
  CHECK(can.offersAuth("PLAIN"));
  CHECK(can.eightBitMime);
  CHECK_FALSE(can.pipelining);  // the first line is the server's name
}

}  // namespace
}  // namespace ostler::smtp
