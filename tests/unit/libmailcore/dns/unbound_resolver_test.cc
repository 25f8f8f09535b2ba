#include "libmailcore/dns/unbound_resolver.h"

#include <catch2/catch.hpp>

#include "libmailcore/dns/mx.h"
#include "libmailcore/dns/name.h"
#include "libmailcore/dns/tlsa.h"
#include "tests/unit/libmailcore/dns/nsd_server.h"

namespace ostler::dns {
namespace {

using namespace std::chrono_literals;

constexpr const char* kRecords =
    "@ MX 10 mx1\n@ MX 5 mx2\n@ TXT \"v=spf1 \" \"-all\"\n@ A 192.0.2.80\n"
    "mx1 A 192.0.2.1\nmx1 AAAA 2001:db8::1\nmx2 A 192.0.2.2\n"
    "_25._tcp.mx1 TLSA 3 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"
    "alias CNAME www\nwww CNAME mx1\nnullmx MX 0 .\nshort 1 A 192.0.2.9\n"
    "odd\\.label A 192.0.2.33\n";

struct World {
  explicit World(const std::function<void(UnboundOptions&)>& change = {}) {
    anchor = server.addSignedZone("signed.example", kRecords);
    server.addZone("plain.test", kRecords);
    server.addZone("2.0.192.in-addr.arpa", "1 PTR mx1.signed.example.\n");
    server.start();
    options.servers = {server.endpoint()};
    options.trustAnchors = {anchor};
    if (change) change(options);
    cache = std::make_shared<AnswerCache>();
    resolver = UnboundResolver::create(loop, options, cache).value();
  }
  Answer ask(const std::string& name, Type type) {
    return loop.runUntilDone(resolver->lookup(name, type, Deadline::after(30s))).value();
  }
  NsdServer server;
  std::string anchor;
  UnboundOptions options;
  Loop loop;
  std::shared_ptr<AnswerCache> cache;
  std::unique_ptr<UnboundResolver> resolver;
};

#define NEEDS_NSD                                        \
  if (!NsdServer::available()) {                         \
    ostler::test::skip("nsd and ldnsutils are missing"); \
    return;                                              \
  }

TEST_CASE("a real server's answers come with type, TTL and DNSSEC status") {
  NEEDS_NSD
  World world;
  const Answer mx = world.ask("signed.example", Type::mx);
  CHECK(mx.status == Status::secure);
  CHECK(mx.authenticated);
  CHECK(mx.ttl > 50s);
  CHECK(mx.ttl <= 60s);
  CHECK(mx.mx.size() == 2);
  CHECK(std::count(mx.mx.begin(), mx.mx.end(), Mx{10, "mx1.signed.example"}) == 1);
  CHECK(world.ask("Signed.Example.", Type::txt).texts == std::vector<std::string>{"v=spf1 -all"});
  CHECK(world.ask("mx1.signed.example", Type::aaaa).addresses.at(0).text() == "2001:db8::1");
  CHECK(world.ask("1.2.0.192.in-addr.arpa", Type::ptr).names == std::vector<std::string>{"mx1.signed.example"});
  const Answer tlsa = world.ask("_25._tcp.mx1.signed.example", Type::tlsa);
  CHECK(tlsa.status == Status::secure);
  CHECK(daneVerdict(true, tlsa) == DaneVerdict::dane);
  const Answer alias = world.ask("alias.signed.example", Type::a);
  CHECK(alias.canonicalName == "mx1.signed.example");
  CHECK(alias.addresses.at(0).text() == "192.0.2.1");
  CHECK(alias.status == Status::secure);
  CHECK(world.ask("alias.signed.example", Type::cname).names == std::vector<std::string>{"www.signed.example"});
  CHECK(world.ask("nullmx.signed.example", Type::mx).mx == std::vector<Mx>{Mx{0, ""}});
  const Answer none = world.ask("nowhere.signed.example", Type::mx);
  CHECK(none.status == Status::nxdomain);
  CHECK(none.authenticated);
  CHECK(world.ask("mx2.signed.example", Type::aaaa).status == Status::nodata);
  const Answer plain = world.ask("plain.test", Type::mx);
  CHECK(plain.status == Status::insecure);
  CHECK_FALSE(plain.authenticated);
  CHECK(world.ask("unknown.example", Type::mx).status == Status::tempfail);  // REFUSED by the server
}

TEST_CASE("a zone whose signatures do not fit the trust anchor is bogus") {
  NEEDS_NSD
  World world([](UnboundOptions& options) {
    std::string& anchor = options.trustAnchors[0];
    anchor.back() = anchor.back() == '0' ? '1' : '0';
  });
  const Answer mx = world.ask("signed.example", Type::mx);
  CHECK(mx.status == Status::bogus);
  CHECK_FALSE(mx.why.empty());
  CHECK(mx.mx.empty());
}

TEST_CASE("a stub zone is asked of its own server") {
  NEEDS_NSD
  World world([](UnboundOptions& options) {
    options.stubs = {{"plain.test", options.servers}};
    options.servers = {net::Endpoint::parse("127.0.0.1:1").value()};
  });
  CHECK(world.ask("plain.test", Type::mx).mx.size() == 2);
}

TEST_CASE("configured hosts and the hosts file win over the DNS") {
  NEEDS_NSD
  const std::string file = std::string(std::tmpnam(nullptr)) + ".hosts";
  std::ofstream(file) << "# comment\n192.0.2.66\tmx2.plain.test extra.plain.test # more\nnonsense line\n";
  World world([&](UnboundOptions& options) {
    options.hosts = {{"MX1.plain.test", {net::IpAddress::parse("127.0.0.9").value()}}};
    options.hostsFile = file;
  });
  std::filesystem::remove(file);
  CHECK(world.ask("mx1.plain.test", Type::a).addresses.at(0).text() == "127.0.0.9");
  CHECK(world.ask("mx1.plain.test", Type::aaaa).status == Status::nodata);
  CHECK(world.ask("mx1.plain.test", Type::mx).status == Status::nodata);
  CHECK(world.ask("mx2.plain.test", Type::a).addresses.at(0).text() == "192.0.2.66");
  CHECK(world.ask("66.2.0.192.in-addr.arpa", Type::ptr).names.at(0) == "mx2.plain.test");
  const MailHosts hosts =
      world.loop.runUntilDone(findMailHosts(*world.resolver, "mx1.plain.test", [](auto) { return 0; }, Deadline::after(5s))).value();
  CHECK(hosts.hosts == std::vector<Mx>{Mx{0, "mx1.plain.test"}});
}

TEST_CASE("while all servers fail, expired answers are served if that is asked for, and only then") {
  NEEDS_NSD
  for (const bool serveExpired : {true, false}) {
    INFO(serveExpired);
    World world([&](UnboundOptions& options) { options.serveExpired = serveExpired; });
    CHECK(world.ask("short.plain.test", Type::a).status == Status::insecure);
    world.server.stop();
    world.loop.runUntilDone(world.loop.sleepUntil(Deadline::after(2100ms)));
    const auto late = world.loop.runUntilDone(world.resolver->lookup("short.plain.test", Type::a, Deadline::after(500ms)));
    CHECK(late.has_value() == serveExpired);
    if (serveExpired) {
      CHECK(late->expired);
      CHECK(late->addresses.size() == 1);
    } else {
      CHECK(late.error().kind == Error::Kind::timeout);
    }
  }
}

TEST_CASE("lookups that are destroyed on their way do no harm") {
  NEEDS_NSD
  World world;
  TaskScope scope(world.loop);
  const auto ask = [](Resolver& resolver, std::string name) -> Task<void> {
    const Result<Answer> answer = co_await resolver.lookup(name, Type::mx, Deadline::after(10s));
    (void)answer;
  };
  for (int i = 0; i < 200; ++i) scope.spawn(ask(*world.resolver, "n" + std::to_string(i % 50) + ".signed.example"));
  scope.cancelAll();
  for (int i = 0; i < 200; ++i) scope.spawn(ask(*world.resolver, "n" + std::to_string(i % 50) + ".signed.example"));
  CHECK(world.loop.runUntilDone(scope.whenIdle(Deadline::after(10s))));
}

TEST_CASE("a name that is none is refused, a setting that is none is named") {
  Loop loop;
  UnboundOptions options;
  options.servers = {net::Endpoint::parse("127.0.0.1:1").value()};
  auto resolver = UnboundResolver::create(loop, options, std::make_shared<AnswerCache>()).value();
  for (const char* name : {"", ".", "a..b", ".a", "a b", "b\xC3\xBC.example", "x\\"}) {
    INFO(name);
    CHECK(loop.runUntilDone(resolver->lookup(name, Type::a, Deadline::after(1s))).error().kind == Error::Kind::syntax);
  }
  CHECK_FALSE(canonicalForm(std::string(64, 'a') + ".example"));
  CHECK(canonicalForm("a\\..").value() == "a\\.");  // an escaped dot is part of the label
  CHECK(canonicalForm("a\\.").value() == "a\\.");
  CHECK(toAscii("Bücher.example").value() == "xn--bcher-kva.example");
  options.trustAnchors = {"nonsense"};
  CHECK(UnboundResolver::create(loop, options, std::make_shared<AnswerCache>()).error().kind == Error::Kind::permanent);
}

}  // namespace
}  // namespace ostler::dns
