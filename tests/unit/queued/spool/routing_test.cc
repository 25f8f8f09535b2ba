// The spool with gateways, peers and mail that waits for ETRN.
#include <catch2/catch.hpp>

#include <fmt/format.h>

#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/policy.h"
#include "libmailcore/ipc/sending.h"
#include "libmailcore/ipc/session_info.h"
#include "queued/schedule/hours.h"
#include "tests/unit/queued/spool/spool_fixture.h"

using namespace ostler;
using namespace ostler::spool;

namespace {

config::RouteRule rule(const char* domain, config::RouteRule::Action action, const char* host = "") {
  config::RouteRule made;
  made.domain = domain;
  made.action = action;
  made.host = host;
  return made;
}

ipc::Verify vrfy(const char* address) {
  ipc::Verify request;
  request.argument = address;
  return request;
}

ipc::EtrnRequest etrn(const char* node) {
  ipc::EtrnRequest request;
  request.argument = node;
  return request;
}

}  // namespace

TEST_CASE("an alias or a forwarded domain behind which nobody takes mail is refused at RCPT; one that reaches somebody is not") {
  using Action = config::RouteRule::Action;
  SpoolFixture spool;
  spool.change([](config::Config& config) {
    config.routes = {rule("moved.test", Action::forward, "example.test"), rule("no.test", Action::reject), rule("round.test", Action::forward, "example.test"),
                     rule("behind.test", Action::smarthost, "[192.0.2.9]")};
    config.routes[3].relay = true;
    config.routes[3].recipients = {"joe"};
  });
  spool.forwards["refused"] = {"x@no.test"};
  spool.forwards["unknown"] = {"jim@behind.test", "nobody@moved.test"};
  spool.forwards["known"] = {"jim@behind.test", "joe@behind.test"};
  spool.forwards["elsewhere"] = {"x@far.test"};
  spool.forwards["twice"] = {"refused@moved.test"};
  spool.forwards["circle"] = {"circle@round.test"};
  spool.forwards["file"] = {"/dev/null"};
  spool.forwards["postmaster"] = {"x@no.test"};
  spool.forwards["many"].assign(200, "x@no.test");
  spool.start();
  struct Row {
    const char* to;
    int code;
    const char* enhanced;
  };
  for (const Row& row : {Row{"alice@moved.test", 250, "2.1.5"}, Row{"nobody@moved.test", 550, "5.1.1"}, Row{"refused@example.test", 550, "5.7.1"},
                         Row{"unknown@example.test", 550, "5.1.1"}, Row{"known@example.test", 250, "2.1.5"}, Row{"elsewhere@example.test", 250, "2.1.5"},
                         Row{"twice@example.test", 550, "5.7.1"}, Row{"circle@example.test", 554, "5.4.6"}, Row{"file@example.test", 250, "2.1.5"},
                         Row{"postmaster@example.test", 250, "2.1.5"}, Row{"many@example.test", 250, "2.1.5"}}) {
    CAPTURE(row.to);
    const ipc::SmtpReply reply = spool.rcpt(row.to);
    CHECK(reply.code == row.code);
    CHECK(reply.enhanced == row.enhanced);
    CHECK(reply.text.find("no.test") == std::string::npos);  // the owner's affair
  }
}

TEST_CASE("a backup MX refuses at RCPT whom the primary refused, and takes everybody while the primary is down") {
  SpoolFixture spool;
  spool.change([](config::Config& config) {
    config.routes = {rule("far.test", config::RouteRule::Action::smarthost, "[192.0.2.9]")};
    config.routes[0].relay = config.routes[0].callAhead = true;
  });
  const std::string key = "host:[192.0.2.9]:25 ";
  spool.elsewhere[key + "there@far.test"] = {{250, "2.1.5", "ok"}, "far", true};
  spool.elsewhere[key + "gone@far.test"] = {{550, "5.1.1", "no"}, "far", true};
  spool.start();
  CHECK(spool.rcpt("there@far.test").code == 250);
  CHECK(spool.rcpt("gone@far.test").code == 550);
  CHECK(spool.rcpt("unasked@far.test").code == 250);
  const int before = spool.asked;
  spool.elsewhere.clear();  // the primary goes down: what was heard still counts
  CHECK(spool.rcpt("gone@far.test").code == 550);
  CHECK(spool.rcpt("there@far.test").code == 250);
  CHECK(spool.asked == before);
  CHECK(spool.rcpt("x@other.test").code == 554);  // no open relay
}

TEST_CASE("a gateway with a list refuses whom it does not name") {
  SpoolFixture spool;
  spool.change([](config::Config& config) {
    config.routes = {rule("far.test", config::RouteRule::Action::smarthost, "[192.0.2.9]")};
    config.routes[0].relay = true;
    config.routes[0].recipients = {"info"};
  });
  spool.start();
  CHECK(spool.rcpt("info@far.test").code == 250);
  const ipc::SmtpReply no = spool.rcpt("who@far.test");
  CHECK(no.code == 550);
  CHECK(no.enhanced == "5.1.1");
  CHECK(spool.asked == 0);
}

TEST_CASE("a recipient whom one peer has goes there; whom no peer has is refused; while one is down mail waits") {
  SpoolFixture spool;
  spool.change([](config::Config& config) {
    config.routes = {rule("example.test", config::RouteRule::Action::peers)};
    config.routes[0].peers = {net::Endpoint::parse("192.0.2.2:25").value(), net::Endpoint::parse("192.0.2.3:25").value()};
  });
  const auto say = [&spool](const char* peer, const char* who, int code) {
    spool.elsewhere[std::string("host:[") + peer + "]:25 " + who + "@example.test"] = {
        {static_cast<std::uint16_t>(code), "", "said"}, peer, true};
  };
  say("192.0.2.2", "dora", 550);
  say("192.0.2.3", "dora", 250);
  say("192.0.2.2", "nobody", 550);
  say("192.0.2.3", "nobody", 550);
  say("192.0.2.2", "maybe", 550);  // the other is down
  spool.start();
  CHECK(spool.rcpt("nobody@example.test").code == 550);
  CHECK(spool.rcpt("maybe@example.test").code == 250);
  REQUIRE(spool.send("a@b.test", {"dora@example.test"}, kText));
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 1; }));
  CHECK(spool.sent[0].request.nextHop.key() == "host:[192.0.2.3]:25");
  REQUIRE(spool.send("a@b.test", {"maybe@example.test"}, kText));
  REQUIRE(spool.waitFor([&] { return spool.ask({"queue", "list"}).output.find("cannot be found out now") != std::string::npos; }));
  // From a peer it goes to no other peer.
  ipc::SessionInfo peer = SpoolFixture::stranger();
  peer.client = "192.0.2.2:4711";
  CHECK(spool.rcpt("dora@example.test", peer).code == 550);
  CHECK(spool.rcpt("alice@example.test", peer).code == 250);
}

TEST_CASE("peers alone hear by VRFY who is here") {
  SpoolFixture spool;
  spool.change([](config::Config& config) {
    config.routes = {rule("example.test", config::RouteRule::Action::peers)};
    config.routes[0].peers = {net::Endpoint::parse("192.0.2.2:25").value()};
  });
  spool.start();
  ipc::SessionInfo peer = SpoolFixture::stranger();
  peer.client = "192.0.2.2:4711";
  CHECK(spool.askAs(vrfy("alice@example.test"), peer).code == 250);
  CHECK(spool.askAs(vrfy("dora@example.test"), peer).code == 550);
  CHECK(spool.askAs(vrfy("alice@example.test")).code == 252);
}

TEST_CASE("mail for a domain waits until its server asks with ETRN, through a restart too") {
  SpoolFixture spool;
  spool.change([](config::Config& config) {
    config.routes = {rule("far.test", config::RouteRule::Action::smarthost, "[192.0.2.9]")};
    config.routes[0].relay = config.routes[0].etrn.hold = true;
    config.routes[0].etrn.from = {net::Cidr::parse("192.0.2.9/32").value()};
  });
  spool.start();
  REQUIRE(spool.send("a@b.test", {"one@far.test"}, kText));
  REQUIRE(spool.waitFor([&] { return spool.ask({"queue", "destinations", "--json"}).output.find("\"asleep\",\"waiting\":1") != std::string::npos; }));
  spool.restart();
  ipc::SessionInfo far = SpoolFixture::stranger();
  far.client = "192.0.2.9:99";
  CHECK(spool.askAs(etrn("far.test")).code == 459);
  CHECK(spool.askAs(etrn("fa r"), far).code == 501);
  CHECK(spool.askAs(etrn("other.test"), far).code == 459);
  CHECK(spool.sent.empty());
  REQUIRE(spool.waitFor([&] { return spool.ask({"queue", "destinations", "--json"}).output.find("\"waiting\":1") != std::string::npos; }));
  const ipc::SmtpReply started = spool.askAs(etrn("far.test"), far);
  CHECK(started.code == 253);
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 1; }));
  REQUIRE(spool.send("a@b.test", {"two@far.test"}, kText));  // the line is up
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 2; }));
  CHECK(spool.askAs(etrn("@far.test"), far).code == 251);
}

TEST_CASE("ETRN starts what was tried in vain, too, and leaves other domains' mail alone") {
  SpoolFixture spool;
  spool.change([](config::Config& config) {
    config.routes = {rule(".far.test", config::RouteRule::Action::smarthost, "[192.0.2.9]"), rule("near.test", config::RouteRule::Action::smarthost, "[192.0.2.9]"),
                     rule("other.test", config::RouteRule::Action::smarthost, "[192.0.2.8]")};
    for (config::RouteRule& one : config.routes) {
      one.relay = true;
      one.etrn.hold = one.domain != "other.test";
      one.etrn.from = {net::Cidr::parse("192.0.2.9/32").value()};
      one.etrn.users = {"alice@example.test"};
    }
  });
  spool.start();
  ipc::SessionInfo far = SpoolFixture::stranger();
  far.client = "192.0.2.9:99";
  spool.outState = ipc::RecipientOutcome::State::deferred;
  spool.outReply = {450, "4.2.0", "not now"};
  for (const char* to : {"one@a.far.test", "two@near.test", "three@other.test"}) REQUIRE(spool.send("a@b.test", {to}, kText));
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 1; }));
  const auto isAsleep = [&](const char* key) {
    return spool.ask({"queue", "destinations", "--json"}).output.find(std::string(key) + R"(:host:[192.0.2.9]:25","state":"asleep","waiting":1)") != std::string::npos;
  };
  REQUIRE(spool.waitFor([&] { return isAsleep("etrn:.far.test") && isAsleep("etrn:near.test"); }));
  CHECK(spool.askAs(etrn("@far.test"), far).code == 253);
  CHECK(spool.askAs(etrn("near.test"), far).code == 253);
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 3; }));
  REQUIRE(spool.waitFor([&] { return spool.turn({"near.test"}).code == 250; }));  // or by ATRN: RFC 2645
  const auto isDeferred = [&] { return spool.ask({"queue", "list", "--json"}).output; };
  spool.outState = ipc::RecipientOutcome::State::delivered;
  REQUIRE(spool.waitFor([&] { return spool.askAs(etrn("near.test"), far).code == 253; }));
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 4; }));
  CHECK(spool.sent[3].request.envelope.recipients[0].forwardPath == "two@near.test");
  REQUIRE(spool.waitFor([&] { return spool.askAs(etrn("@far.test"), far).code == 253; }));
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 5; }));
  CHECK(spool.sent[4].request.envelope.recipients[0].forwardPath == "one@a.far.test");
  CHECK(isDeferred().find("three@other.test") != std::string::npos);
}

TEST_CASE("a forwarded domain's mail goes on to the new one") {
  SpoolFixture spool;
  spool.change([](config::Config& config) { config.routes = {rule("old.test", config::RouteRule::Action::forward, "example.test")}; });
  spool.start();
  CHECK(spool.rcpt("bob@old.test").code == 250);
  REQUIRE(spool.send("a@b.test", {"bob@old.test"}, kText));
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("bob").size() == 1; }));
}

TEST_CASE("a dropped domain gets one file a message, with its whole envelope, in its own folder") {
  SpoolFixture spool;
  spool.change([](config::Config& config) {
    config.routes = {rule("dropped.test", config::RouteRule::Action::drop), rule("also.test", config::RouteRule::Action::drop, "dropped.test")};
  });
  spool.start();
  REQUIRE(spool.send("a@b.test", {"one@dropped.test", "two@dropped.test", "three@also.test"}, kText));
  const std::string folder = spool.config->dropDir() + "/dropped.test";
  const auto files = [&] {
    std::vector<std::string> names;
    std::error_code none;
    for (const auto& file : std::filesystem::directory_iterator(folder, none)) {
      if (file.path().filename().string()[0] != '.') names.push_back(file.path().string());
    }
    return names;
  };
  REQUIRE(spool.waitFor([&] { return files().size() == 1; }));
  std::ifstream file(files().front());
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  CHECK(text.starts_with("X-Sender: <a@b.test>\r\nX-Receiver: <one@dropped.test>\r\nX-Receiver: <two@dropped.test>\r\nX-Receiver: <three@also.test>\r\n"));
  REQUIRE(spool.waitFor([&] { return spool.ask({"queue", "list"}).output.find("The queue is empty") != std::string::npos; }));
}

TEST_CASE("a domain of ours that is dropped gets one file a message, its alias's mail in the same folder") {
  SpoolFixture spool;
  spool.change([](config::Config& config) { config.routes = {rule("example.test", config::RouteRule::Action::drop)}; });
  spool.start();
  CHECK(spool.rcpt("nobody@alias.test").code == 250);
  const std::vector<std::string> to = {"one@example.test", "two@example.test", "three@alias.test", "alice@example.test"};
  REQUIRE(spool.send("a@b.test", to, kText));
  REQUIRE(spool.waitFor([&] { return spool.ask({"queue", "list"}).output.find("The queue is empty") != std::string::npos; }));
  std::vector<std::filesystem::path> files;
  for (const auto& file : std::filesystem::directory_iterator(spool.config->dropDir() + "/example.test")) files.push_back(file.path());
  REQUIRE(files.size() == 1);
  std::ifstream file(files.front());
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  for (const std::string& path : to) CHECK(text.find("X-Receiver: <" + path + ">\r\n") != std::string::npos);
}

TEST_CASE("outside its hours a route's mail waits") {
  SpoolFixture spool;
  spool.change([](config::Config& config) {
    config.routes = {rule("far.test", config::RouteRule::Action::smarthost, "[192.0.2.9]"),
                     rule("open.test", config::RouteRule::Action::smarthost, "[192.0.2.8]")};
    const std::time_t now = std::time(nullptr);
    std::tm broken{};
    ::localtime_r(&now, &broken);
    const int next = (broken.tm_hour + 2) % 24;
    const int after = (broken.tm_hour + 3) % 24;
    char hours[16];
    std::snprintf(hours, sizeof hours, "%02d:00-%02d:00", next, after);
    config.routes[0].pace.hours = hours;
    std::snprintf(hours, sizeof hours, "%02d:00-%02d:00", after, next);
    config.routes[1].pace.hours = hours;
  });
  spool.start();
  REQUIRE(spool.send("alice@example.test", {"x@far.test"}, kText, spool.loggedIn()));
  REQUIRE(spool.send("alice@example.test", {"x@open.test"}, kText, spool.loggedIn()));
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 1; }));
  CHECK(spool.sent[0].request.nextHop.name == "[192.0.2.8]");
  CHECK(spool.ask({"queue", "destinations", "--json"}).output.find("\"asleep\",\"waiting\":1") != std::string::npos);
}

TEST_CASE("the postmaster gets a copy of a report of a failure, and the list is told of as expanded") {
  SpoolFixture spool;
  spool.change([](config::Config& config) { config.reports.copyTo = "carol@example.test"; });
  spool.start();
  REQUIRE(spool.send("alice@example.test", {"x@far.test"}, kText, spool.loggedIn()));
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 1; }));
  spool.outState = ipc::RecipientOutcome::State::failed;
  spool.outReply = {550, "5.1.1", "no such user"};
  REQUIRE(spool.send("alice@example.test", {"y@far.test"}, kText, spool.loggedIn()));
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("carol").size() == 1 && spool.mailboxOf("alice").size() == 1; }));
  CHECK(spool.mailboxOf("carol")[0].find("no such user") != std::string::npos);
  spool.outState = ipc::RecipientOutcome::State::delivered;
  const auto wantsSuccess = [](ipc::Envelope& envelope) {
    envelope.recipients[0].notify = ipc::Recipient::kNotifySuccess;
    envelope.recipients[0].notifyGiven = true;
  };
  REQUIRE(spool.send("bob@example.test", {"team@example.test"}, kText, SpoolFixture::stranger(), wantsSuccess));
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("bob").size() == 1; }));
  CHECK(spool.mailboxOf("bob")[0].find("Action: expanded") != std::string::npos);
  REQUIRE(spool.waitFor([&] { return spool.ask({"queue", "list"}).output.find("The queue is empty") != std::string::npos; }));
  CHECK(spool.mailboxOf("bob").size() == 1);
  CHECK(spool.sent.back().request.envelope.recipients[0].notify == ipc::Recipient::kNotifyNever);
}

TEST_CASE("who may ask with ETRN, or as a peer, may be said by the names in client certificates") {
  SpoolFixture spool;
  spool.change([](config::Config& config) {
    config.routes = {rule("held.test", config::RouteRule::Action::mx, ""), rule("example.test", config::RouteRule::Action::peers, "")};
    config.routes[0].etrn.hold = true;
    config.routes[0].etrn.certificates = {"mx.held.test"};
    config.routes[1].peers = {net::Endpoint::parse("192.0.2.7:25").value()};
    config.routes[1].peerCertificates = {"peer.example.test"};
  });
  spool.start();
  ipc::SessionInfo session = SpoolFixture::stranger();
  CHECK(spool.askAs(etrn("held.test"), session).code == 459);
  session.tlsNames = {"mx.other.test"};
  CHECK(spool.askAs(etrn("held.test"), session).code == 459);
  session.tlsNames = {"www.held.test", "mx.held.test"};
  CHECK(spool.askAs(etrn("held.test"), session).code == 251);
  ipc::Verify question;
  question.argument = "alice@example.test";
  CHECK(spool.askAs(question, SpoolFixture::stranger()).code == 252);  // at a peer's address, without its certificate
  session.tlsNames = {"peer.example.test"};
  CHECK(spool.askAs(question, session).code == 250);
}

TEST_CASE("mail that waits for its route's hours goes out when a reload takes them back, or the route") {
  for (const bool hasRouteStill : {true, false}) {
    INFO((hasRouteStill ? "the hours are gone" : "the route is gone"));
    SpoolFixture spool;
    const unsigned soon = (schedule::localMinuteOfDay(spool.now()) + 120) % 1440;
    const auto at = [](unsigned minute) { return fmt::format("{:02}:{:02}", minute % 1440 / 60, minute % 60); };
    spool.change([&](config::Config& config) {
      config.routes = {rule("far.test", config::RouteRule::Action::mx)};
      config.routes[0].pace.hours = at(soon) + "-" + at(soon + 60);
    });
    spool.start();
    REQUIRE(spool.submit({"x@far.test"}));
    REQUIRE(spool.waitFor([&] { return spool.shows({"queue", "destinations", "--json"}, "\"asleep\",\"waiting\":1"); }));
    CHECK(spool.sent.empty());
    spool.change([&](config::Config& config) {
      if (hasRouteStill) config.routes[0].pace.hours.clear();
      if (!hasRouteStill) config.routes.clear();
    });
    spool.reload();
    CHECK(spool.waitFor([&] { return spool.sent.size() == 1; }, std::chrono::seconds(20)));
  }
}

TEST_CASE("mail whose route, and whose virtual server, a reload takes away goes out by what there is now, and comes back by it") {
  SpoolFixture spool;
  spool.change([](config::Config& config) {
    config.routes = {rule("far.test", config::RouteRule::Action::smarthost, "[192.0.2.9]")};
    config.routes[0].retry = config::RetrySchedule{};
    config::VirtualServer other = config.virtualServers.front();
    other.name = "other";
    other.heloName = "other.example.test";
    other.badmail = config.dataDir + "/otherbad";
    config.virtualServers.push_back(other);
  });
  spool.start();
  ipc::SessionInfo theirs = spool.loggedIn();
  theirs.virtualServer = "other";
  spool.ask({"queue", "disable"});
  REQUIRE(spool.send("alice@example.test", {"x@far.test"}, kText, theirs));
  REQUIRE(spool.send("", {"y@far.test"}, kText, theirs));
  spool.change([](config::Config& config) {
    config.routes.clear();
    config.virtualServers.resize(1);
  });
  spool.reload();
  spool.outState = ipc::RecipientOutcome::State::failed;
  spool.outReply = {550, "5.1.1", "Nobody of that name"};
  spool.ask({"queue", "enable"});
  REQUIRE(spool.waitFor([&] { return spool.isEmpty(); }));
  REQUIRE(spool.sent.size() == 2);
  for (const SpoolFixture::Sent& one : spool.sent) {
    CHECK(one.request.nextHop.key() == "mx:far.test");
    CHECK(one.request.heloName == "mail.example.test");
  }
  CHECK(spool.mailboxOf("alice").size() == 1);
  CHECK(spool.shows({"badmail", "list"}, "Nobody of that name"));
}

TEST_CASE("mail for U-labels and A-labels waits in one line, and is stopped and found by either") {
  SpoolFixture spool;
  spool.start();
  spool.ask({"queue", "freeze", "--destination", "B\u00fccher.example"});
  REQUIRE(spool.send("alice@example.test", {"x@b\u00fccher.example"}, kText, spool.loggedIn(), [](ipc::Envelope& envelope) { envelope.smtpUtf8 = true; }));
  REQUIRE(spool.submit({"y@xn--bcher-kva.example"}));
  REQUIRE(spool.waitFor([&] { return spool.shows({"queue", "destinations"}, "mx:xn--bcher-kva.example frozen waiting=2"); }));
  for (const char* domain : {"b\u00fccher.example", "xn--bcher-kva.example"}) {
    const std::string list = spool.ask({"queue", "list", "--destination", domain}).output;
    CHECK(list.find("x@b\u00fccher.example") != std::string::npos);  // as it was written
    CHECK(list.find("y@xn--bcher-kva.example") != std::string::npos);
  }
  CHECK(spool.shows({"queue", "list", "--recipient", "X@XN--BCHER-KVA.example"}, "x@b\u00fccher.example"));
  CHECK(spool.sent.empty());
  spool.ask({"queue", "thaw", "--destination", "xn--bcher-kva.example"});
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 2; }));
  REQUIRE(spool.submit({"z@b\u00fccher.example", "Z@xn--bcher-kva.example", "z@xn--bcher-kva.example"}));
  REQUIRE(spool.waitFor([&] { return spool.isEmpty(); }));
  std::size_t copies = 0;
  for (const SpoolFixture::Sent& one : spool.sent) copies += one.request.envelope.recipients.size();
  CHECK(copies == 4);  // z and Z are two elsewhere, z twice is one
}
