// What needs more than a dialogue: TLS, large content, clients that go, drain.
#include "smtpd/session.h"

#include <catch2/catch.hpp>

#include "tests/unit/libmailcore/net/test_certificates.h"
#include "tests/unit/smtpd/play.h"

namespace ostler::smtpd {
namespace {

using namespace std::chrono_literals;

Deadline soon() {
  return Deadline::after(60s);
}

struct Secured {
  net::TestCertificates certificates;
  std::shared_ptr<const net::TlsServerContext> server =
      net::TlsServerContext::load({certificates.leaf({"mail.example.test"})}).value();
  net::TlsClientOptions client() {
    net::TlsClientOptions options;
    options.serverName = "mail.example.test";
    options.context = net::TlsClientContext::load(certificates.caFile()).value();
    return options;
  }
};

/// A later time at each look, as of the machine's clock.
struct TickingClock : Clock {
  mutable std::int64_t milliseconds = 1'700'000'000'000;
  WallTime now() const override { return fromUnixMillis(++milliseconds); }
};

TEST_CASE("a hold of just the longest that was offered is taken, though time goes by between the offer and MAIL") {
  TickingClock clock;
  Play play;
  Surroundings& behind = play.stage.around;
  const Surroundings around{behind.loop, behind.gate, behind.policy, behind.budget, behind.tidier, behind.rates, behind.watched, clock, log::Log()};
  play.stage.plan.listener.kind = config::SmtpKind::submission;
  play.stage.allowPlaintext();
  auto [server, client] = net::MemoryStream::makePair(play.stage.loop);
  Session session(around, play.stage.arrival(std::move(server)));
  play.caller = std::make_unique<Caller>(play.stage.loop, std::move(client));
  TaskScope scope(play.stage.loop);
  scope.spawn(session.run());
  play.expect("", "220");
  const std::string offer = play.expect("EHLO x.example", "250");
  const std::size_t at = offer.find("FUTURERELEASE 604800 ");
  REQUIRE(at != std::string::npos);
  const std::string latest = offer.substr(at + 21, 20);
  play.expect("AUTH PLAIN AGFsaWNlAHNlY3JldA==", "235");
  play.expect("MAIL FROM:<alice@example.test> HOLDFOR=604800", "250");
  play.expect("RSET", "250");
  play.expect("MAIL FROM:<alice@example.test> HOLDFOR=604801", "501 5.5.4");
  play.expect("MAIL FROM:<alice@example.test> HOLDUNTIL=" + latest, "250");
  play.expect("RSET", "250");
  clock.milliseconds -= 5000;  // the offer was heard five seconds ago, and the two clocks differ
  play.expect("MAIL FROM:<alice@example.test> HOLDUNTIL=" + latest, "250");
  play.expect("RSET", "250");
  clock.milliseconds -= 120'000;
  play.expect("MAIL FROM:<alice@example.test> HOLDUNTIL=" + latest, "501 5.5.4");
  play.expect("QUIT", "221");
}

TEST_CASE("who is refused at the connection hears so at once, however long greetings are held back") {
  const std::vector<std::pair<const char*, void (*)(Stage&)>> refusals = {
      {"554", [](Stage& s) { s.server().accessExcept.networks = {net::Cidr::parse("192.0.2.0/24").value()}; }},
      {"554", [](Stage& s) { s.server().accessExcept.names = {".bad.example"}, s.policy.clientName = "x.bad.example"; }},
      {"521", [](Stage& s) { s.server().closed = true; }},
  };
  for (const auto& [code, refuse] : refusals) {
    Play play;
    play.stage.server().limits.greetingDelay = 30min;
    refuse(play.stage);
    play.begin();
    play.expect("", code);
    play.expect("", "closed");
  }
}

TEST_CASE("a connection is counted once, before its greeting is held back") {
  Play play;
  play.stage.server().limits.greetingDelay = 1s;
  play.stage.server().rates.connections = 1;
  play.begin();
  play.expect("", "220");
  play.begin();
  play.expect("", "421 4.7.0");
}

TEST_CASE("who talks before the greeting is sent away; who goes meanwhile has not talked") {
  Play play;
  play.stage.server().limits.greetingDelay = 30min;
  play.begin();
  play.expect("EHLO bot.example", "554");
  play.expect("", "closed");
  play.begin();
  play.caller->hangUp();
  play.expect("", "closed");
}

TEST_CASE("STARTTLS: everything heard in clear text is forgotten, and AUTH is offered inside alone") {
  Play play;
  Secured secured;
  play.stage.tls = secured.server;
  play.beginOnSockets();
  play.expect("", "220");
  const std::string clear = play.expect("EHLO x.example", "250");
  CHECK(clear.find("STARTTLS") != std::string::npos);
  CHECK(clear.find("AUTH") == std::string::npos);
  play.expect("AUTH PLAIN AGFsaWNlAHNlY3JldA==", "538 5.7.11");
  play.expect("STARTTLS", "220 2.0.0");
  REQUIRE(play.stage.loop.runUntilDone(play.caller->connection().startTlsAsClient(secured.client(), soon())));
  play.expect("MAIL FROM:<a@b.example>", "503 5.5.1");
  const std::string secure = play.expect("EHLO x.example", "250");
  CHECK(secure.find("STARTTLS") == std::string::npos);
  CHECK(secure.find("AUTH SCRAM-SHA-256-PLUS") != std::string::npos);
  play.expect("STARTTLS", "503 5.5.1");
  play.expect("AUTH PLAIN AGFsaWNlAHNlY3JldA==", "235 2.7.0");
  play.expect("MAIL FROM:<alice@example.test>", "250");
  play.expect("RCPT TO:<someone@elsewhere.example>", "250");
  play.expect("DATA", "354");
  play.expect("x\r\n.", "250 2.0.0");
  CHECK(play.stage.policy.accepted.back().content.find("with ESMTPSA") != std::string::npos);
  CHECK(play.stage.policy.accepted.back().session.tls.starts_with("TLSv1."));
}

TEST_CASE("STARTTLS: a command smuggled in behind it in clear text is never carried out") {
  Play play;
  Secured secured;
  play.stage.tls = secured.server;
  play.beginOnSockets();
  play.expect("", "220");
  play.expect("EHLO x.example", "250");
  play.expect("STARTTLS\r\nMAIL FROM:<evil@b.example>", "554 5.5.0");
  play.expect("", "closed");
}

TEST_CASE("of a deadline that is over when the message comes its sender was told before: RFC 2852 4") {
  using By = ipc::Handling::By;
  const std::vector<std::pair<std::string, By>> cases = {
      {"BY=1;N", By::notify}, {"BY=0;N", By::told}, {"BY=-5;NT", By::told}, {"BY=1;R", By::giveBack}};
  for (const auto& [parameter, by] : cases) {
    Play play;
    play.begin();
    play.expect("", "220");
    play.expect("EHLO x.example", "250");
    play.expect("MAIL FROM:<a@b.example> " + parameter, "250");
    play.expect("RCPT TO:<alice@example.test>", "250");
    play.expect("DATA", "354");
    play.expect(".", "250");
    CHECK(play.stage.policy.accepted.at(0).envelope.handling.by == by);
  }
}

// Readers would take the text for a header, and the fields in front of it for theirs.
TEST_CASE("text that comes without a header, or with a line in it that is no field, is parted from it by an empty line") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"The disk of x is full\r\nplease look\r\n", "\r\nThe disk of x is full\r\nplease look\r\n"},
      {"  indented: text\r\n", "\r\n  indented: text\r\n"},
      {"Subject: s\r\nThe text\r\n\r\nmore\r\n", "Subject: s\r\n\r\nThe text\r\n\r\nmore\r\n"},
      {"From a@b.example Mon Jan  1 00:00:00 2026\r\nSubject: s\r\n\r\nx\r\n", "Subject: s\r\n\r\nx\r\n"},
      {"From a@b.example Mon Jan  1 00:00:00 2026\r\ntext\r\n", "\r\ntext\r\n"},
      {"Subject: s\r\n folded\r\nX-A : b\r\n\r\nno field\r\n", "Subject: s\r\n folded\r\nX-A : b\r\n\r\nno field\r\n"},
      {"\r\ntext\r\n", "\r\ntext\r\n"},
  };
  for (const auto& [said, kept] : cases) {
    INFO(said);
    for (const config::SmtpKind kind : {config::SmtpKind::mx, config::SmtpKind::lmtp}) {
      Play play;
      play.stage.plan.listener.kind = kind;
      play.begin();
      play.expect("", "220");
      play.expect(kind == config::SmtpKind::lmtp ? "LHLO x.example" : "EHLO x.example", "250");
      play.expect("MAIL FROM:<a@b.example>", "250");
      play.expect("RCPT TO:<alice@example.test>", "250");
      play.expect("DATA", "354");
      play.expect(said + ".", "250");
      CHECK(play.stage.policy.accepted.at(0).asSent() == kept);
    }
  }
}

TEST_CASE("a header that is longer than a frame is no text because it is cut there") {
  Play play;
  play.begin();
  play.openMail();
  play.expect("DATA", "354");
  std::string content;
  while (content.size() < 200'000) content += "X-Field-" + std::to_string(content.size()) + ": some words of it\r\n";
  content += "\r\ntext\r\n";
  play.expect(content + ".", "250 2.0.0");
  CHECK(play.stage.policy.accepted.at(0).asSent() == content);
}

TEST_CASE("a message may come in more chunks than a client may have commands without one") {
  Play play;
  play.begin();
  play.openMail();
  std::string hundred;
  for (int n = 0; n < 100; ++n) hundred += "BDAT 1\r\nx";
  for (int n = 0; n < 101; ++n) {
    play.stage.loop.runUntilDone(play.caller->send(hundred));
    for (int reply = 0; reply < 100; ++reply) play.expect("", "250");
  }
  play.expect("BDAT 0 LAST", "250 2.0.0");
  CHECK(play.stage.policy.accepted.at(0).asSent().size() == 10'104);  // and an empty line in front
}

TEST_CASE("a megabyte goes through in frames, octet for octet, and holds no more than a few of them") {
  Play play;
  play.begin();
  play.openMail();
  play.expect("DATA", "354");
  std::string content = "\r\n";
  for (int n = 0; content.size() < (1U << 20); ++n)
    content += "line " + std::to_string(n) + std::string(60, 'x') + "\r\n";
  play.expect(content + ".", "250 2.0.0");
  CHECK(play.stage.policy.accepted.at(0).asSent() == content);
}

TEST_CASE("a client that goes inside DATA leaves no message and no draft behind") {
  Play play;
  play.begin();
  play.openMail();
  play.expect("DATA", "354");
  play.stage.loop.runUntilDone(play.caller->send("half a message\r\n"));
  play.caller->hangUp();
  CHECK(play.stage.loop.runUntilDone(play.scope->whenIdle(soon())));
  CHECK(play.ended);
  CHECK(play.stage.policy.accepted.empty());
  CHECK(play.stage.policy.discarded == 1);
  CHECK(play.stage.policy.openDrafts() == 0);
}

TEST_CASE("a drain lets the message at hand be finished, then says 421") {
  Play play;
  play.begin();
  play.openMail();
  play.expect("DATA", "354");
  play.stage.gate.close();
  play.expect("x\r\n.", "250 2.0.0");
  play.expect("", "421 4.3.2");
  play.expect("", "closed");
  CHECK(play.ended);
}

TEST_CASE("a drain ends an idle session at once") {
  Play play;
  play.begin();
  play.expect("", "220");
  play.stage.gate.close();
  play.expect("", "421 4.3.2");
  play.expect("", "closed");
}

TEST_CASE("a client that says nothing for too long is told so") {
  Play play;
  play.stage.server().limits.idle = std::chrono::seconds(0);
  play.begin();
  play.expect("", "220");
  play.expect("", "421 4.4.2");
  play.expect("", "closed");
}

Task<void> trickle(Stage& stage, Caller& caller, bool& ended) {
  while (!ended) {
    co_await caller.send("x");
    co_await stage.loop.sleepUntil(Deadline::after(std::chrono::milliseconds(20)));
  }
}

TEST_CASE("a client that sends an octet of content now and then is sent away as one that is silent, in DATA and in BDAT") {
  for (const char* const command : {"DATA", "BDAT 100000 LAST"}) {
    Play play;
    play.stage.server().limits.idle = std::chrono::seconds(1);
    play.begin();
    play.openMail();
    play.stage.loop.runUntilDone(play.caller->send(std::string(command) + "\r\n"));
    if (command == std::string_view("DATA")) play.expect("", "354");
    play.stage.loop.runUntilDone(trickle(play.stage, *play.caller, play.ended));
    play.expect("", "421 4.4.2");
    CHECK(play.stage.policy.accepted.empty());
    play.session.reset();
    CHECK(play.stage.policy.openDrafts() == 0);
  }
}

TEST_CASE("while the process holds too much content a client waits, and is deferred at the deadline") {
  Play play;
  Budget::Share hog(play.stage.budget);
  REQUIRE(hog.hold(16U << 20));
  play.stage.server().limits.idle = std::chrono::seconds(1);
  play.begin();
  play.openMail();
  play.expect("DATA", "354");
  play.expect(std::string(1000, 'x') + "\r\n.", "452 4.3.1");
  CHECK(play.stage.policy.accepted.empty());
}

// One of several clients at a time that each send half a message before any sends the rest.
struct Client {
  std::unique_ptr<Session> session;
  std::unique_ptr<Caller> caller;
};

TEST_CASE("sessions that together hold more than the process may do not wait for each other for ever") {
  Stage stage;
  Budget::Share rest(stage.budget);
  REQUIRE(rest.hold((16U << 20) - 64 * 1024));
  std::vector<Client> clients(4);
  TaskScope scope(stage.loop);
  const std::string half(40'000, 'x');
  const auto ask = [&stage](Caller& caller, const std::string& line, const std::string& start) {
    const auto reply = stage.loop.runUntilDone(line.empty() ? caller.reply() : caller.ask(line));
    CHECK((reply ? reply->oneLine() : "closed").substr(0, start.size()) == start);
  };
  for (Client& client : clients) {
    auto [server, other] = net::MemoryStream::makePair(stage.loop);
    client.session = std::make_unique<Session>(stage.around, stage.arrival(std::move(server)));
    client.caller = std::make_unique<Caller>(stage.loop, std::move(other));
    scope.spawn(client.session->run());
    ask(*client.caller, "", "220");
    for (const char* line : {"EHLO x", "MAIL FROM:<a@b.example>", "RCPT TO:<alice@example.test>"})
      ask(*client.caller, line, "250");
    ask(*client.caller, "DATA", "354");
    stage.loop.runUntilDone(client.caller->send(half + "\r\n"));
  }
  for (Client& client : clients) {
    stage.loop.runUntilDone(client.caller->send(half + "\r\n" + half + "\r\n.\r\n"));
  }
  for (Client& client : clients) ask(*client.caller, "", "250 2.0.0");
  CHECK(stage.policy.accepted.size() == 4);
  for (const auto& message : stage.policy.accepted)
    CHECK(message.asSent() == "\r\n" + half + "\r\n" + half + "\r\n" + half + "\r\n");
}

TEST_CASE("a long envelope is taken while there is room; else the rest goes in a transaction of its own") {
  Play play;
  Budget::Share others(play.stage.budget);
  REQUIRE(others.holdSpare(4U << 20));
  play.begin();
  play.expect("", "220");
  play.expect("EHLO x.example", "250");
  const std::string recipient = "RCPT TO:<alice@example.test> ORCPT=rfc822;" + std::string(400, 'o') + "@x";
  const auto named = [&](const std::string& last) {
    play.expect("MAIL FROM:<a@b.example>", "250");
    int taken = 0;
    while (taken < 100 && play.expect(recipient, taken < 25 || last == "250" ? "250" : "").starts_with("250")) ++taken;
    play.expect(recipient, last);
    return taken;
  };
  CHECK(named("452 4.5.3") < 40);
  play.expect("DATA", "354");
  play.expect(".", "250");
  CHECK(named("452 4.5.3") < 40);
  play.expect("RSET", "250");
  (void)others.hold(0);
  CHECK(named("250") == 100);
  play.expect("RSET", "250");
  CHECK(others.holdSpare(4U << 20));
}

TEST_CASE("budget: what is held comes back") {
  Budget budget(100);
  {
    Budget::Share one(budget);
    CHECK(one.hold(60));
    Budget::Share two(budget);
    CHECK_FALSE(two.hold(60));
    CHECK(two.hold(40));
    CHECK(one.hold(10));
    CHECK(two.hold(90));
  }
  Budget::Share all(budget);
  CHECK(all.hold(100));
  CHECK(budget.takeReturned() == 150);
  CHECK(all.hold(30));
  CHECK(budget.takeReturned() == 70);
  CHECK(budget.takeReturned() == 0);
}

TEST_CASE("a client of IPv6 stands in the trace field as RFC 5321 4.1.3 writes it") {
  Play play;
  play.stage.client = "[2001:db8::7]:1234";
  play.begin();
  play.openMail();
  play.expect("DATA", "354");
  play.expect("x\r\n.", "250");
  CHECK(play.stage.policy.accepted.at(0).content.find("([IPv6:2001:db8::7])") != std::string::npos);
}

}  // namespace
}  // namespace ostler::smtpd
