// The spool with gateways, peers and mail that waits for ETRN.
#include <catch2/catch.hpp>

#include "tests/unit/queued/spool/spool_fixture.h"

using namespace ostler;
using namespace ostler::spool;

namespace {

constexpr const char* kText = "From: a@b.test\r\nSubject: x\r\n\r\nhello\r\n";

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
  REQUIRE(spool.waitFor([&] { return spool.ask({"queue", "destinations"}).output.find("\"asleep\",\"waiting\":1") != std::string::npos; }));
  spool.restart();
  ipc::SessionInfo far = SpoolFixture::stranger();
  far.client = "192.0.2.9:99";
  CHECK(spool.askAs(etrn("far.test")).code == 459);
  CHECK(spool.askAs(etrn("fa r"), far).code == 501);
  CHECK(spool.askAs(etrn("other.test"), far).code == 459);
  CHECK(spool.sent.empty());
  REQUIRE(spool.waitFor([&] { return spool.ask({"queue", "destinations"}).output.find("\"waiting\":1") != std::string::npos; }));
  const ipc::SmtpReply started = spool.askAs(etrn("far.test"), far);
  CHECK(started.code == 253);
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 1; }));
  REQUIRE(spool.send("a@b.test", {"two@far.test"}, kText));  // the line is up
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 2; }));
  CHECK(spool.askAs(etrn("@far.test"), far).code == 251);
}

TEST_CASE("a forwarded domain's mail goes on to the new one") {
  SpoolFixture spool;
  spool.change([](config::Config& config) { config.routes = {rule("old.test", config::RouteRule::Action::forward, "example.test")}; });
  spool.start();
  CHECK(spool.rcpt("bob@old.test").code == 250);
  REQUIRE(spool.send("a@b.test", {"bob@old.test"}, kText));
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("bob").size() == 1; }));
}
