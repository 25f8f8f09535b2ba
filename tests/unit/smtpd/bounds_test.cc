// Whatever a client may do for ever has an end: each constant of this room that bounds one, at it and beyond it.
#include "libmailcore/smtp/client.h"
#include "tests/unit/libmailcore/net/test_certificates.h"
#include "tests/unit/smtpd/play.h"

namespace ostler::smtpd {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kOver = 64U << 20;  // of refused content

Task<void> pour(Caller& caller, std::uint64_t octets) {
  const std::string piece = std::string(62, 'x') + "\r\n";
  std::string block;
  while (block.size() < 64 * 1024) block += piece;
  for (std::uint64_t sent = 0; sent < octets; sent += block.size()) {
    caller.connection().write(block);
    const Result<void> flushed = co_await caller.connection().flush(Deadline::after(60s));
    if (!flushed) co_return;  // cut off
  }
}

Task<void> waitUntil(Loop& loop, const bool& happened) {
  while (!happened) co_await loop.sleepUntil(Deadline::after(1ms));
}

TEST_CASE("refused content is read to its end, but not for ever: DATA and BDAT") {
  for (const bool isEndless : {false, true}) {
    for (const bool isData : {true, false}) {
      CAPTURE(isEndless, isData);
      Play play;
      play.stage.server().limits.messageSize = {1000};
      play.begin();
      play.openMail();
      const std::uint64_t octets = isEndless ? 2 * kOver : kOver / 2;
      const std::string line = isData ? "DATA" : "BDAT " + std::to_string(octets) + " LAST";
      play.stage.loop.runUntilDone(play.caller->send(line + "\r\n"));
      if (isData) play.expect("", "354");
      TaskScope pouring(play.stage.loop);
      pouring.spawn(pour(*play.caller, octets));
      if (!isEndless) CHECK(play.stage.loop.runUntilDone(pouring.whenIdle(Deadline::after(60s))));
      play.expect(isData && !isEndless ? "." : "", "552 5.3.4");
      play.expect(isEndless ? "" : "NOOP", isEndless ? "closed" : "250");
      if (isEndless) play.stage.loop.runUntilDone(waitUntil(play.stage.loop, play.ended));
      CHECK(play.ended == isEndless);
      CHECK(play.stage.policy.accepted.empty());
      play.session.reset();
      CHECK(play.stage.policy.openDrafts() == 0);
    }
  }
}

TEST_CASE("chunks that nobody asked for are read over, but not for ever, however many they are") {
  for (const std::uint64_t chunk : {std::uint64_t{1} << 50, std::uint64_t{32} << 20}) {
    CAPTURE(chunk);
    Play play;
    play.begin();
    play.expect("", "220");
    play.expect("EHLO x.example", "250");
    std::string heard;
    for (int at = 0; at < 3 && !heard.starts_with("421"); ++at) {
      play.stage.loop.runUntilDone(play.caller->send("BDAT " + std::to_string(chunk) + "\r\n"));
      TaskScope pouring(play.stage.loop);
      pouring.spawn(pour(*play.caller, std::min<std::uint64_t>(chunk, 128U << 20)));
      heard = play.expect("", at == 0 && chunk < kOver ? "503" : "");
    }
    CHECK(heard.starts_with("421 4.7.0"));
    play.expect("", "closed");
    play.stage.loop.runUntilDone(waitUntil(play.stage.loop, play.ended));
    CHECK(play.ended);
  }
}

Task<void> pourOn(Caller& caller, std::uint64_t& sent) {
  const std::string block(64 * 1024, 'x');
  for (sent = 0;; sent += block.size()) {
    caller.connection().write(block);
    const Result<void> flushed = co_await caller.connection().flush(Deadline::after(60s));
    if (!flushed) co_return;
  }
}

TEST_CASE("a client that was left has what it sends dropped for 256 MiB, and hears why; then it is cut off") {
  Play play;
  play.begin();
  play.expect("", "220");
  std::uint64_t sent = 0;
  TaskScope pouring(play.stage.loop);
  play.stage.loop.runUntilDone(play.caller->send("POST / HTTP/1.1\r\n"));
  pouring.spawn(pourOn(*play.caller, sent));
  play.expect("", "500 5.5.1");
  play.expect("", "closed");
  play.stage.loop.runUntilDone(waitUntil(play.stage.loop, play.ended));
  play.session.reset();
  CHECK(play.stage.loop.runUntilDone(pouring.whenIdle(Deadline::after(60s))));
  CHECK(sent >= 256U << 20);
  CHECK(sent < 257U << 20);
}

Task<void> pourWithoutEnd(Caller& caller) {
  const std::string block(64 * 1024, 'x');
  for (;;) {
    caller.connection().write(block);
    const Result<void> flushed = co_await caller.connection().flush(Deadline::after(60s));
    if (!flushed) co_return;
  }
}

TEST_CASE("a line without an end is an error for each MiB of it, and too many errors end the session") {
  Play play;
  play.stage.server().limits.errors = 3;
  play.begin();
  play.expect("", "220");
  TaskScope pouring(play.stage.loop);
  pouring.spawn(pourWithoutEnd(*play.caller));
  for (int error = 0; error < 3; ++error) play.expect("", "500 5.5.2");
  play.expect("", "421 4.7.0");
  play.expect("", "closed");
}

TEST_CASE("an exchange of AUTH that goes on past most steps ends, and auth hears that it is over") {
  Play play;
  play.stage.allowPlaintext();
  play.stage.policy.challengesForEver = true;
  play.begin();
  play.expect("", "220");
  play.expect("EHLO x.example", "250");
  play.expect("AUTH PLAIN", "334");
  for (int step = 1; step < 8; ++step) play.expect("eA==", "334");
  play.expect("eA==", "454 4.7.0");
  CHECK(play.stage.policy.cancelledLogins == 1);
  play.expect("MAIL FROM:<a@b.example>", "250");
}

TEST_CASE("a response to AUTH may be as long as RFC 4954 4.5 wants, and no longer") {
  Play play;
  play.stage.allowPlaintext();
  play.begin();
  play.expect("", "220");
  play.expect("EHLO x.example", "250");
  play.expect("AUTH PLAIN", "334");
  play.expect(std::string(12'288, 'A'), "535");
  play.expect("AUTH PLAIN", "334");
  play.expect(std::string(12'289, 'A'), "500 5.5.6");
  play.expect("AUTH PLAIN AGFsaWNlAHNlY3JldA==", "235");
}

TEST_CASE("commands without a message are not taken for ever") {
  Play play;
  play.begin();
  play.expect("", "220");
  play.expect("EHLO x.example", "250");
  std::string hundred;
  for (int at = 0; at < 100; ++at) hundred += "RSET\r\n";
  for (int round = 0; round < 100; ++round) {
    play.stage.loop.runUntilDone(play.caller->send(hundred));
    for (int at = 0; at < 100; ++at) play.expect("", "250");
  }
  play.expect("", "421 4.7.0");
  play.expect("", "closed");
}

TEST_CASE("a command's line may have 4,096 octets, and a name that is asked about 320") {
  Play play;
  play.begin();
  play.expect("", "220");
  play.expect("NOOP " + std::string(4091, 'x'), "250");
  play.expect("NOOP " + std::string(4092, 'x'), "500 5.5.2");
  play.expect("VRFY " + std::string(320, 'x'), "252");
  play.expect("VRFY " + std::string(321, 'x'), "501 5.5.4");
}

Task<void> askWithoutReading(Caller& caller) {
  std::string many;
  for (int at = 0; at < 100; ++at) many += "HELP\r\n";
  for (;;) {
    caller.connection().write(many);
    const Result<void> sent = co_await caller.connection().flush(Deadline::after(60s));
    if (!sent) co_return;
  }
}
TEST_CASE("a client that asks and never reads the answers is left") {
  Play play;
  play.stage.server().limits.idle = 1s;
  play.begin();
  TaskScope asking(play.stage.loop);
  asking.spawn(askWithoutReading(*play.caller));
  play.stage.loop.runUntilDone(waitUntil(play.stage.loop, play.ended));
  CHECK(play.ended);
}

Task<void> waitFor(Loop& loop, const int& count, int least) {
  while (count < least) co_await loop.sleepUntil(Deadline::after(1ms));
}

TEST_CASE("what a client sends while the spool is slow waits with the client but for 16 KiB") {
  constexpr std::size_t kRoom = 1U << 20;
  Play play;
  auto [server, client] = net::MemoryStream::makePair(play.stage.loop, kRoom);
  play.begin(std::move(server), std::move(client));
  play.openMail();
  play.expect("DATA", "354");
  play.stage.policy.commitIsSlow = true;
  const std::string message = "Subject: x\r\n\r\nx\r\n.\r\n";
  std::string all = message;
  while (all.size() < kRoom) all += "RSET\r\n";
  all.resize(kRoom);
  const std::array<std::string_view, 1> parts{all};
  net::Stream& stream = play.caller->connection().stream();
  REQUIRE(stream.tryWrite(parts) == kRoom);
  while (play.stage.policy.openDrafts() == 0) play.stage.loop.runUntilDone(play.stage.loop.yield());
  for (int turn = 0; turn < 100; ++turn) play.stage.loop.runUntilDone(play.stage.loop.yield());
  const auto taken = stream.tryWrite(parts);
  REQUIRE(taken);
  CHECK(*taken >= message.size());
  CHECK(*taken <= 16 * 1024);
  play.stage.policy.commitIsSlow = false;
  play.expect("", "250 2.0.0 OK: queued");
  play.expect("", "250 2.0.0 OK");
}

TEST_CASE("a client that falls silent in the middle of a handshake behind STARTTLS is left") {
  net::TestCertificates certificates;
  Play play;
  play.stage.tls = net::TlsServerContext::load({certificates.leaf({"mail.example.test"})}).value();
  CHECK(play.stage.around.handshakeTime == 1min);
  play.stage.around.handshakeTime = 30ms;
  play.beginOnSockets();
  play.expect("", "220");
  play.expect("EHLO x.example", "250");
  play.expect("STARTTLS", "220");
  play.stage.loop.runUntilDone(play.caller->send("\x16\x03\x01"));
  play.expect("", "closed");
  play.stage.loop.runUntilDone(play.scope->whenIdle(Deadline::after(60s)));
  CHECK(play.ended);
}

TEST_CASE("a turned connection on which nobody says anything is left") {
  Play play;
  play.stage.allowPlaintext();
  play.stage.plan.listener.kind = config::SmtpKind::odmr;
  CHECK(play.stage.around.carryTime > smtp::ClientTimeouts().dataEnd);
  play.stage.around.carryTime = 30ms;
  play.begin();
  play.expect("", "220");
  play.expect("EHLO customer.example", "250");
  play.expect("AUTH PLAIN AGFsaWNlAHNlY3JldA==", "235");
  play.expect("ATRN", "250");
  CHECK(play.stage.loop.runUntilDone(play.scope->whenIdle(Deadline::after(60s))));
  CHECK(play.ended);
}

TEST_CASE("no more than four frames wait for a slow spool; then the client waits") {
  Play play;
  play.begin();
  play.openMail();
  play.expect("DATA", "354");
  play.stage.policy.dataIsSlow = true;
  TaskScope pouring(play.stage.loop);
  pouring.spawn(pour(*play.caller, 1U << 20));
  play.stage.loop.runUntilDone(waitFor(play.stage.loop, play.stage.policy.unanswered, 4));
  play.stage.policy.dataIsSlow = false;
  CHECK(play.stage.loop.runUntilDone(pouring.whenIdle(Deadline::after(60s))));
  play.expect(".", "250 2.0.0");
  CHECK(play.stage.policy.mostUnanswered == 4);
}

}  // namespace
}  // namespace ostler::smtpd
