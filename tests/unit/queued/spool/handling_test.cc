// What a sender asks of the way, through the whole spool: hold, deadline, TLS, priority, binary content.
#include <catch2/catch.hpp>

#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/sending.h"
#include "tests/unit/queued/spool/spool_fixture.h"

namespace ostler::spool {
namespace {

using namespace std::chrono_literals;
using By = ipc::Handling::By;

}  // namespace

TEST_CASE("a message held until later leaves then and not before, through a restart too") {
  SpoolFixture house;
  house.start();
  const auto hold = [&](ipc::Envelope& envelope) { envelope.handling.holdUntil = house.now() + 1h; };
  const auto waiting = house.send("alice@example.test", {"bob@remote.test"}, "Subject: h\r\n\r\nx\r\n", house.loggedIn(), hold);
  REQUIRE(waiting);
  for (int life = 0; life < 2; ++life) {
    CHECK(house.shows({"queue", "list"}, "held until 2"));
    for (const char* form : {"--postfix", "--postfix-json", "--json"}) {
      INFO(form);
      CHECK(house.shows({"queue", "list", form}, "held until 2"));
    }
    CHECK(house.ask({"why", waiting->queueId}).output.find("s more, as its sender asked") != std::string::npos);
    house.restart();
  }
  CHECK(house.ask({"queue", "wait", "--empty", "--timeout", "1"}).exitCode != 0);
  CHECK(house.sent.empty());
  house.skip(61min);
  CHECK(house.waitFor([&] { return house.sent.size() == 1; }));
}

TEST_CASE("what its sender holds back stays when the queue is flushed or it is moved, and leaves at an administrator's explicit word (RFC 4865)") {
  SpoolFixture house;
  house.start();
  const auto hold = [&](ipc::Envelope& envelope) { envelope.handling.holdUntil = house.now() + 1h; };
  const auto waiting = house.send("alice@example.test", {"bob@remote.test"}, "Subject: h\r\n\r\nx\r\n", house.loggedIn(), hold);
  REQUIRE(waiting);
  const std::string id = waiting->queueId;
  house.outState = ipc::RecipientOutcome::State::deferred;
  house.outReply = {451, "4.2.0", "busy"};
  const std::vector<std::vector<std::string>> flushes = {
      {"queue", "retry", "--all"}, {"queue", "retry", "ALL"}, {"queue", "retry", "--destination", "remote.test"},
      {"queue", "retry", "--sender", "alice@example.test"}, {"queue", "move", id, "--to", "mx"}, {"queue", "retry", id},
  };
  for (const std::vector<std::string>& words : flushes) {
    INFO(words[1] << " " << words[2]);
    const ipc::ControlReply reply = house.ask(words);
    const bool isNamed = words[1] == "retry" && words[2] == id;
    CHECK((reply.exitCode != 0) == isNamed);
    CHECK((reply.error.find("--release-now") != std::string::npos) == isNamed);
    CHECK_FALSE(house.waitFor([&] { return !house.sent.empty(); }, 1s));
    CHECK(house.shows({"why", id}, "s more, as its sender asked"));
  }
  CHECK(house.shows({"queue", "retry", "--all"}, R"({"retried":0,"held":1})"));
  CHECK(house.ask({"queue", "retry", id, "--release-now"}).exitCode == 0);
  REQUIRE(house.waitFor([&] { return house.sent.size() == 1; }, 5s));
  REQUIRE(house.waitFor([&] { return house.shows({"why", id}, "s for its next attempt; last reply:"); }, 5s));
  // From then on it is as any other.
  CHECK(house.shows({"queue", "retry", "--all"}, R"({"retried":1})"));
  REQUIRE(house.waitFor([&] { return house.sent.size() == 2; }, 5s));
}

TEST_CASE("a stranger's message is not held, nor does it go before others") {
  SpoolFixture house;
  house.start();
  const auto ask = [&](ipc::Envelope& envelope) {
    envelope.handling.holdUntil = house.now() + 1h;
    envelope.handling.priority = 9;
  };
  REQUIRE(house.send("s@elsewhere.test", {"team@example.test"}, "Subject: h\r\n\r\nx\r\n", SpoolFixture::stranger(), ask));
  REQUIRE(house.waitFor([&] { return house.sent.size() == 1; }));
  CHECK(house.sent[0].request.envelope.handling.priority == 0);
}

TEST_CASE("a priority in the header counts where MAIL said none, and a stranger's raises nothing: RFC 6758 3.1") {
  struct Row {
    std::string what;
    bool isUser;
    std::optional<std::int8_t> parameter;
    std::string fields;
    std::int8_t counts;
    bool stays;  // the fields reach the next hop
  };
  const std::vector<Row> rows = {
      {"a user's field", true, {}, "MT-Priority: 6\r\n", 6, true},
      {"a user's parameter goes before it", true, 2, "MT-Priority: 6\r\n", 2, false},
      {"and be that 0", true, 0, "MT-Priority: 6\r\n", 0, false},
      {"two of a user", true, {}, "MT-Priority: 6\r\nMT-Priority: 6\r\n", 0, false},
      {"none of a user", true, {}, "", 0, true},
      {"a stranger's who steps forward", false, {}, "MT-Priority: 6\r\n", 0, false},
      {"a stranger's who steps back", false, {}, "MT-Priority: -6\r\n", -6, true},
      {"a stranger's without a meaning", false, {}, "MT-Priority: high\r\n", 0, false},
  };
  for (const std::size_t body : {std::size_t{3}, std::size_t{400'000}}) {
    SpoolFixture house;
    house.start();
    for (const Row& row : rows) {
      INFO(row.what << ", " << body);
      house.sent.clear();
      const auto say = [&](ipc::Envelope& envelope) {
        envelope.priorityGiven = row.parameter.has_value();
        envelope.handling.priority = row.parameter.value_or(0);
      };
      const std::string content = "Subject: p\r\n" + row.fields + "X: y\r\n\r\n" + std::string(body, 'x') + "\r\n";
      const std::string to = row.isUser ? "bob@remote.test" : "team@example.test";
      REQUIRE(house.send("alice@example.test", {to}, content, row.isUser ? house.loggedIn() : SpoolFixture::stranger(), say));
      REQUIRE(house.waitFor([&] { return house.sent.size() == 1; }));
      CHECK(house.sent[0].request.envelope.handling.priority == row.counts);
      const std::string left = "Subject: p\r\n" + (row.stays ? row.fields : "") + "X: y\r\n\r\n" + std::string(body, 'x') + "\r\n";
      CHECK(house.sent[0].content.ends_with(left));
    }
  }
}

TEST_CASE("a file in pickup says its priority in its header") {
  SpoolFixture house;
  house.start();
  house.drop("letter.eml", "From: alice@example.test\nTo: bob@remote.test\nMT-Priority: 4\n\nhi\n");
  REQUIRE(house.waitFor([&] { return house.sent.size() == 1; }));
  CHECK(house.sent[0].request.envelope.handling.priority == 4);
}

TEST_CASE("what must arrive in time or come back, comes back when the time is over") {
  SpoolFixture house;
  house.start();
  house.outState = ipc::RecipientOutcome::State::deferred;
  house.outReply = {451, "4.2.0", "busy"};
  const auto by = [&](ipc::Envelope& envelope) {
    envelope.handling.by = By::giveBack;
    envelope.handling.deliverBy = house.now() + 1h;
  };
  REQUIRE(house.send("alice@example.test", {"bob@remote.test"}, "Subject: d\r\n\r\nx\r\n", house.loggedIn(), by));
  REQUIRE(house.waitFor([&] { return house.sent.size() == 1; }));
  CHECK(house.mailboxOf("alice").empty());
  house.skip(61min);
  REQUIRE(house.waitFor([&] { return house.mailboxOf("alice").size() == 1; }, 20s));
  CHECK(house.mailboxOf("alice")[0].find("5.4.7") != std::string::npos);
  CHECK(house.mailboxOf("alice")[0].find("Action: failed") != std::string::npos);
}

TEST_CASE("what shall arrive in time is told late when the time is over, and goes on being tried") {
  SpoolFixture house;
  house.start();
  house.outState = ipc::RecipientOutcome::State::deferred;
  house.outReply = {451, "4.2.0", "busy"};
  const auto by = [&](ipc::Envelope& envelope) {
    envelope.handling.by = By::notify;
    envelope.handling.deliverBy = house.now() + 10min;
  };
  REQUIRE(house.send("alice@example.test", {"bob@remote.test"}, "Subject: d\r\n\r\nx\r\n", house.loggedIn(), by));
  REQUIRE(house.waitFor([&] { return house.sent.size() == 1; }));
  house.skip(11min);
  REQUIRE(house.waitFor([&] { return house.mailboxOf("alice").size() == 1; }, 20s));
  CHECK(house.mailboxOf("alice")[0].find("Action: delayed") != std::string::npos);
  house.outState = ipc::RecipientOutcome::State::delivered;
  house.ask({"queue", "retry", "ALL"});
  CHECK(house.ask({"queue", "wait", "--empty", "--timeout", "5"}).exitCode == 0);
}

namespace {

/// A house whose mail to remote.test is relayed, with a deadline of ten minutes.
struct WithDeadline : SpoolFixture {
  By by = By::notify;
  bool trace = false;
  std::uint8_t notify = ipc::Recipient::kNotifyFailure | ipc::Recipient::kNotifyDelay;
  Result<ipc::CommitReply> post() {
    return send("alice@example.test", {"bob@remote.test"}, "Subject: d\r\n\r\nx\r\n", loggedIn(), [this](ipc::Envelope& envelope) {
      envelope.handling.by = by;
      envelope.handling.deliverBy = now() + 10min;
      envelope.handling.byTrace = trace;
      envelope.recipients.front().notify = notify;
    });
  }
};

}  // namespace

TEST_CASE("a relay is told where its sender asked to trace, and where nobody heeds the deadline from there on") {
  struct Row {
    By by;
    bool trace;
    bool isKept;
    std::uint8_t notify;
    bool isTold;
  };
  constexpr std::uint8_t kUsual = ipc::Recipient::kNotifyFailure | ipc::Recipient::kNotifyDelay;
  const std::vector<Row> rows = {
      {By::notify, false, true, kUsual, false},                         {By::notify, false, false, kUsual, true},
      {By::told, false, false, kUsual, true},                           {By::notify, true, true, kUsual, true},
      {By::giveBack, true, true, kUsual, true},                         {By::giveBack, false, true, kUsual, false},
      {By::notify, true, false, ipc::Recipient::kNotifyNever, false},   {By::none, false, false, kUsual, false},
      {By::notify, true, true, ipc::Recipient::kNotifySuccess, true},
  };
  for (const Row& row : rows) {
    INFO(static_cast<int>(row.by) << row.trace << row.isKept << static_cast<int>(row.notify));
    WithDeadline house;
    house.start();
    house.by = row.by;
    house.trace = row.trace;
    house.outKeepsDeadlines = row.isKept;
    house.notify = row.notify;
    REQUIRE(house.post());
    CHECK(house.ask({"queue", "wait", "--empty", "--timeout", "5"}).exitCode == 0);
    REQUIRE(house.mailboxOf("alice").size() == (row.isTold ? 1 : 0));
    if (!row.isTold) continue;
    CHECK(house.mailboxOf("alice")[0].find("Action: relayed") != std::string::npos);
    CHECK(house.mailboxOf("alice")[0].find("Deliver-By-Date: ") != std::string::npos);
  }
}

TEST_CASE("a message that stands in line when its time is over is told late, once, and goes on as one that was told of") {
  WithDeadline house;
  house.change([](config::Config& config) { config.outbound.concurrencyPerDestination = 1; });
  house.start();
  house.waits = true;
  REQUIRE(house.send("alice@example.test", {"carol@remote.test"}, "Subject: first\r\n\r\nx\r\n", house.loggedIn()));
  REQUIRE(house.post());
  house.skip(11min);
  REQUIRE(house.waitFor([&] { return house.mailboxOf("alice").size() == 1; }, 20s));
  CHECK(house.mailboxOf("alice")[0].find("Action: delayed") != std::string::npos);
  CHECK(house.mailboxOf("alice")[0].find("Status: 4.4.7") != std::string::npos);
  house.waits = false;
  REQUIRE(house.waitFor([&] { return house.sent.size() == 2; }));
  CHECK(house.sent[1].request.envelope.handling.by == By::told);
  CHECK(house.mailboxOf("alice").size() == 1);
}

TEST_CASE("who is told late of what stands in line hears what its host said before") {
  WithDeadline house;
  house.change([](config::Config& config) { config.outbound.concurrencyPerDestination = 1; });
  house.start();
  house.outState = ipc::RecipientOutcome::State::deferred;
  house.outReply = {450, "4.2.0", "not yet"};
  const auto late = house.post();
  REQUIRE(late);
  REQUIRE(house.waitFor([&] { return house.shows({"why", late->queueId}, "last reply:"); }));
  house.waits = true;
  REQUIRE(house.send("alice@example.test", {"carol@remote.test"}, "Subject: first\r\n\r\nx\r\n", house.loggedIn()));
  REQUIRE(house.waitFor([&] { return house.waiting == 1; }));
  house.skip(11min);
  REQUIRE(house.waitFor([&] { return house.mailboxOf("alice").size() == 1; }, 20s));
  CHECK(house.mailboxOf("alice")[0].find("not yet") != std::string::npos);
  house.waits = false;
}

TEST_CASE("a message that asks for TLS says so to the next hop, and so does its report, which holds the header alone") {
  SpoolFixture house;
  house.start();
  house.outState = ipc::RecipientOutcome::State::failed;
  house.outReply = {550, "5.7.30", "no REQUIRETLS"};
  const auto tls = [](ipc::Envelope& envelope) {
    envelope.handling.requireTls = true;
    envelope.returned = ipc::Returned::full;
  };
  REQUIRE(house.send("alice@example.test", {"bob@remote.test"}, "Subject: t\r\n\r\nsecret\r\n", house.loggedIn(), tls));
  REQUIRE(house.waitFor([&] { return house.mailboxOf("alice").size() == 1; }));
  CHECK(house.sent[0].request.envelope.handling.requireTls);
  CHECK(house.mailboxOf("alice")[0].find("secret") == std::string::npos);
}

TEST_CASE("TLS-Required: No in the header is passed on, unless the envelope asks for TLS") {
  SpoolFixture house;
  house.start();
  const std::string content = "Subject: t\r\nTLS-Required: No\r\n\r\nx\r\n";
  REQUIRE(house.send("alice@example.test", {"bob@remote.test"}, content, house.loggedIn()));
  REQUIRE(house.waitFor([&] { return house.sent.size() == 1; }));
  CHECK(house.sent[0].request.envelope.handling.tlsOptional);
  const auto tls = [](ipc::Envelope& envelope) { envelope.handling.requireTls = true; };
  REQUIRE(house.send("alice@example.test", {"bob@remote.test"}, content, house.loggedIn(), tls));
  REQUIRE(house.waitFor([&] { return house.sent.size() == 2; }));
  CHECK_FALSE(house.sent[1].request.envelope.handling.tlsOptional);
}

TEST_CASE("what comes as BINARYMIME and is signed is given back, not changed, small and large; without a binary octet it goes on") {
  SpoolFixture house;
  house.start();
  const auto binary = [](ipc::Envelope& envelope) { envelope.binary = true; };
  const std::string header = "Subject: b\r\nDKIM-Signature: v=1; a=x\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n";
  for (const std::size_t size : {std::size_t{100}, std::size_t{600'000}}) {
    INFO(size);
    const auto reply = house.send("s@elsewhere.test", {"bob@example.test"}, header + std::string(size, '\0'), SpoolFixture::stranger(), binary);
    REQUIRE(reply);
    CHECK(reply->replies.at(0).enhanced == "5.6.1");
  }
  CHECK(house.mailboxOf("bob").empty());
  const std::string text = "Subject: b\r\nDKIM-Signature: v=1; a=x\r\n\r\nlines\r\n";
  REQUIRE(house.send("s@elsewhere.test", {"bob@example.test"}, text, SpoolFixture::stranger(), binary));
  REQUIRE(house.waitFor([&] { return house.mailboxOf("bob").size() == 1; }));
}

TEST_CASE("what comes as BINARYMIME is stored and sent as lines, small and large") {
  SpoolFixture house;
  house.start();
  const auto binary = [](ipc::Envelope& envelope) { envelope.binary = true; };
  const std::string header = "Subject: b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n";
  const std::string body("a\nb\rc\0d", 7);
  REQUIRE(house.send("s@elsewhere.test", {"team@example.test"}, header + body, SpoolFixture::stranger(), binary));
  REQUIRE(house.waitFor([&] { return house.sent.size() == 1 && house.mailboxOf("alice").size() == 1; }));
  CHECK_FALSE(house.sent[0].request.envelope.binary);
  CHECK(house.sent[0].content.ends_with("Content-Transfer-Encoding: base64\r\n\r\nYQpiDWMAZA==\r\n"));
  REQUIRE(house.send("s@elsewhere.test", {"bob@example.test"}, header + std::string(600'000, '\0'), SpoolFixture::stranger(), binary));
  REQUIRE(house.waitFor([&] { return house.mailboxOf("bob").size() == 1; }));
  const std::string stored = house.mailboxOf("bob")[0];
  CHECK(stored.size() > 800'000);
  CHECK(stored.find('\0') == std::string::npos);
}

TEST_CASE("the reverse-path of a user is masqueraded, that of others is not") {
  SpoolFixture house;
  auto config = std::make_shared<config::Config>(*house.config);
  config->virtualServers[0].masqueradeDomain = "public.example";
  house.config = config;
  house.start();
  REQUIRE(house.send("alice@example.test", {"bob@remote.test"}, "Subject: m\r\n\r\nx\r\n", house.loggedIn()));
  REQUIRE(house.waitFor([&] { return house.sent.size() == 1; }));
  CHECK(house.sent[0].request.envelope.reversePath == "alice@public.example");
  REQUIRE(house.send("s@elsewhere.test", {"alice@example.test"}, "Subject: m\r\n\r\nx\r\n"));
  REQUIRE(house.waitFor([&] { return house.mailboxOf("alice").size() == 1; }));
  CHECK(house.mailboxOf("alice")[0].starts_with("Return-Path: <s@elsewhere.test>"));
}

TEST_CASE("the header of a user is shown as its virtual server wants, small and large; a stranger's is not touched") {
  SpoolFixture house;
  house.change([](config::Config& config) {
    config.virtualServers[0].masqueradeDomain = "public.example";
    config.virtualServers[0].defaultDomain = "example.test";
    config.virtualServers[0].rewriteHeader = true;
  });
  house.start();
  const std::string header = "From: Alice <alice@example.test>\r\nTo: bob\r\nSubject: m\r\n\r\n";
  std::string body;
  for (const std::size_t size : {std::size_t{10}, std::size_t{400'000}}) {
    while (body.size() < size) body += "From: alice@example.test\r\n";
    house.sent.clear();
    REQUIRE(house.send("alice@example.test", {"bob@remote.test"}, header + body, house.loggedIn()));
    REQUIRE(house.waitFor([&] { return house.sent.size() == 1; }));
    const std::string& content = house.sent[0].content;
    CHECK(content.find("From: Alice <alice@public.example>\r\nTo: bob@example.test\r\nSubject: m\r\n") != std::string::npos);
    CHECK(content.ends_with("\r\n\r\n" + body));
  }
  REQUIRE(house.send("s@elsewhere.test", {"alice@example.test"}, header + "x\r\n"));
  REQUIRE(house.waitFor([&] { return house.mailboxOf("alice").size() == 1; }));
  CHECK(house.mailboxOf("alice")[0].find("From: Alice <alice@example.test>\r\nTo: bob\r\n") != std::string::npos);
}

TEST_CASE("a From that submission adds is masqueraded, and stands behind the trace field") {
  SpoolFixture house;
  house.change([](config::Config& config) {
    config.virtualServers[0].masqueradeDomain = "public.example";
    config.virtualServers[0].rewriteHeader = true;
  });
  house.start();
  const std::string trace = "Received: from x.example\r\n\tby mail.example.test; Mon, 23 Nov 2026 00:00:00 +0000\r\n";
  REQUIRE(house.send("alice@example.test", {"bob@remote.test"}, trace + "Date: x\r\nMessage-ID: <m@x>\r\nSubject: m\r\n\r\nx\r\n", house.loggedIn()));
  REQUIRE(house.waitFor([&] { return house.sent.size() == 1; }));
  CHECK(house.sent[0].content.starts_with(trace + "From: alice@public.example\r\nDate: x\r\n"));
}

TEST_CASE("a public domain of U-labels is shown in A-labels") {
  SpoolFixture house;
  house.change([](config::Config& config) {
    config.virtualServers[0].masqueradeDomain = "m\u00fcnchen.example";
    config.virtualServers[0].rewriteHeader = true;
  });
  house.start();
  REQUIRE(house.send("alice@example.test", {"bob@remote.test"}, "From: alice@example.test\r\n\r\nx\r\n", house.loggedIn()));
  REQUIRE(house.waitFor([&] { return house.sent.size() == 1; }));
  CHECK(house.sent[0].request.envelope.reversePath == "alice@xn--mnchen-3ya.example");
  CHECK(house.sent[0].content.find("From: alice@xn--mnchen-3ya.example\r\n") != std::string::npos);
}

TEST_CASE("a header beyond ASCII needs SMTPUTF8 of the next hop exactly when its sender spoke of it") {
  for (const bool isAsked : {false, true}) {
    SpoolFixture spool;
    spool.start();
    const auto ask = [isAsked](ipc::Envelope& envelope) { envelope.smtpUtf8 = isAsked; };
    REQUIRE(spool.send("alice@example.test", {"x@far.test"}, "Subject: Gr\xc3\xbc\xc3\x9f" "e\r\n\r\nx\r\n", spool.loggedIn(), ask));
    REQUIRE(spool.waitFor([&] { return spool.sent.size() == 1; }));
    CHECK(spool.sent.front().request.utf8Header == isAsked);
    CHECK(spool.sent.front().request.hasEightBit);
  }
}

TEST_CASE("a report that holds octets beyond ASCII says so to the next hop, whoever wrote them") {
  SpoolFixture spool;
  spool.outState = ipc::RecipientOutcome::State::failed;
  spool.outReply = {550, "5.1.1", "Bo\xeete pleine"};
  spool.start();
  const auto report = [&]() -> const SpoolFixture::Sent* {
    const auto found = std::find_if(spool.sent.begin(), spool.sent.end(), [](const SpoolFixture::Sent& one) { return one.request.envelope.reversePath.empty(); });
    return found == spool.sent.end() ? nullptr : &*found;
  };
  REQUIRE(spool.send("s@elsewhere.test", {"team@example.test"}, kText));
  REQUIRE(spool.waitFor([&] { return report() != nullptr; }));
  CHECK(report()->request.hasEightBit);
  CHECK(report()->request.envelope.eightBit);
  CHECK_FALSE(report()->request.utf8Header);
}

}  // namespace ostler::spool
