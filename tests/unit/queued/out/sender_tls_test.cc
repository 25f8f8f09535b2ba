// TLS to the next hop: opportunistic, required, resumed, with credentials, by DANE (RFC 7672).
#include <catch2/catch.hpp>

#include "libmailcore/dns/unbound_resolver.h"
#include "tests/unit/libmailcore/dns/nsd_server.h"
#include "tests/unit/queued/out/sender_world.h"

namespace ostler::out {
namespace {

using namespace std::chrono_literals;
using namespace test;

TEST_CASE("TLS is used where it is offered, and a broken handshake does not stop opportunistic mail") {
  TwoHosts world;
  Behaviour tls;
  tls.tls = net::TlsServerContext::load({world.certificates.leaf({"other.example"})}).value();
  SmtpSink& first = world.sink("127.0.0.2", tls);
  CHECK(world.sendOne(World::message({"b@rcpt.example"})).state == RecipientState::delivered);
  CHECK(first.messages.at(0).secured);
  TwoHosts broken;
  Behaviour breaks;
  breaks.breaksHandshake = true;
  SmtpSink& sink = broken.sink("127.0.0.2", breaks);
  CHECK(broken.sendOne(World::message({"b@rcpt.example"})).state == RecipientState::delivered);
  CHECK_FALSE(sink.messages.at(0).secured);
}

TEST_CASE("the second connection to a host resumes the TLS session of the first, unless it is to be verified otherwise") {
  TwoHosts world;
  world.settings->messagesPerConnection = 1;
  Behaviour tls;
  tls.tls = net::TlsServerContext::load({world.certificates.leaf({"mx1.rcpt.example"})}).value();
  SmtpSink& first = world.sink("127.0.0.2", tls);
  for (int i = 0; i < 3; ++i) CHECK(world.sendOne(World::message({"b@rcpt.example"})).state == RecipientState::delivered);
  REQUIRE(first.messages.size() == 3);
  CHECK(first.connections == 3);
  CHECK_FALSE(first.messages[0].resumed);
  CHECK(first.messages[1].resumed);
  CHECK(first.messages[2].resumed);
  ipc::Deliver verified = World::message({"b@rcpt.example"});
  verified.nextHop.tlsVerify = static_cast<std::uint8_t>(net::TlsVerify::pkix);
  CHECK(world.sendOne(verified).state == RecipientState::delivered);
  CHECK_FALSE(first.messages.at(3).resumed);
  CHECK(world.sendOne(verified).state == RecipientState::delivered);
  CHECK(first.messages.at(4).resumed);
  CHECK(world.settings->tickets->size() <= 3);
}

TEST_CASE("the oldest tickets go when there are too many") {
  TwoHosts world;
  world.settings->messagesPerConnection = 1;
  world.settings->tickets = std::make_shared<net::TlsTickets>(1);
  Behaviour tls;
  tls.tls = net::TlsServerContext::load({world.certificates.leaf({"mx1.rcpt.example"})}).value();
  SmtpSink& first = world.sink("127.0.0.2", tls);
  ipc::Deliver verified = World::message({"b@rcpt.example"});
  verified.nextHop.tlsVerify = static_cast<std::uint8_t>(net::TlsVerify::pkix);
  CHECK(world.sendOne(World::message({"b@rcpt.example"})).state == RecipientState::delivered);
  CHECK(world.sendOne(verified).state == RecipientState::delivered);
  CHECK(world.sendOne(World::message({"b@rcpt.example"})).state == RecipientState::delivered);
  CHECK_FALSE(first.messages.at(2).resumed);
  CHECK(world.settings->tickets->size() == 1);
}

TEST_CASE("where TLS is required, mail never goes in clear text") {
  for (const bool offered : {false, true}) {
    INFO(offered);
    TwoHosts world;
    Behaviour behaviour;
    behaviour.breaksHandshake = offered;
    SmtpSink& first = world.sink("127.0.0.2", behaviour);
    SmtpSink& second = world.sink("127.0.0.3", behaviour);
    ipc::Deliver request = World::message({"b@rcpt.example"});
    request.nextHop.tlsRequired = true;
    const auto one = world.sendOne(request);
    CHECK(one.state == RecipientState::deferred);
    CHECK(one.reply.enhanced == (offered ? "4.7.5" : "4.7.4"));
    CHECK(first.messages.empty());
    CHECK(second.messages.empty());
  }
}

TEST_CASE("a message that its host cannot take says nothing of the host, whatever its other address or a fallback does") {
  for (const bool isOfHost : {true, false}) {
    INFO(isOfHost);
    World world;
    world.sink("127.0.0.2");  // without DELIVERBY
    world.dns->addMx("rcpt.example", 10, "mx1.rcpt.example");
    world.dns->addAddress("mx1.rcpt.example", "127.0.0.2");
    auto request = World::message({"b@rcpt.example"});
    request.envelope.handling.by = ipc::Handling::By::giveBack;
    request.envelope.handling.deliverBy = world.clock.now() + std::chrono::hours(1);
    if (isOfHost) world.dns->addAddress("mx1.rcpt.example", "127.0.0.3");  // nobody listens there
    if (!isOfHost) request.nextHop.fallbacks = {"127.0.0.4:" + std::to_string(world.settings->mxPort)};
    for (int attempt = 0; attempt < 3; ++attempt) {
      const ipc::DeliverOutcome outcome = world.send(request);
      INFO(outcome.transcript << "/" << outcome.recipients.at(0).reply.text);
      CHECK(outcome.someHostAnswered);
      CHECK(outcome.recipients.at(0).state == (isOfHost ? RecipientState::failed : RecipientState::deferred));
    }
  }
}

// Or one message would make the host rest for everybody's.
TEST_CASE("what a message needs of a host that answers is the reason, whatever its other address does") {
  World world;
  world.sink("127.0.0.2");
  world.dns->addMx("rcpt.example", 10, "mx1.rcpt.example");
  world.dns->addAddress("mx1.rcpt.example", "127.0.0.2");
  world.dns->addAddress("mx1.rcpt.example", "127.0.0.3");  // nobody listens there
  for (int attempt = 0; attempt < 3; ++attempt) {  // from the second on what is known to be down is asked last
    auto request = World::message({"b@rcpt.example"});
    request.nextHop.tlsRequired = true;
    const auto one = world.sendOne(std::move(request));
    CHECK(one.reply.enhanced == "4.7.4");
    CHECK(one.remoteHost.starts_with("mx1.rcpt.example [127.0.0.2]"));
  }
}

TEST_CASE("credentials are for the host they were given for, and for its fallback hosts when the route says so") {
  for (const bool isMeant : {false, true}) {
    INFO(isMeant);
    World world;
    Behaviour behaviour;
    behaviour.auth = true;
    behaviour.tls = net::TlsServerContext::load({world.certificates.leaf({"spare.example"})}).value();
    SmtpSink& spare = world.sink("127.0.0.3", behaviour);
    ipc::Deliver request = World::message({"b@x"});
    request.nextHop = {ipc::NextHop::Kind::host, "[127.0.0.2]", world.settings->mxPort, true, 0, "user", "secret", {}};
    request.nextHop.fallbacks = {"127.0.0.3:" + std::to_string(world.settings->mxPort)};  // an address needs no brackets
    request.nextHop.fallbackLogin = isMeant;
    CHECK(world.sendOne(request).state == RecipientState::delivered);
    REQUIRE(spare.messages.size() == 1);
    CHECK(spare.messages.at(0).user.empty() == !isMeant);
    CHECK(spare.messages.at(0).secured);
  }
}

TEST_CASE("a smarthost gets our credentials over TLS that names it, and over nothing else") {
  World world;
  world.dns->addAddress("smart.example", "127.0.0.2");
  Behaviour behaviour;
  behaviour.auth = true;
  behaviour.tls = net::TlsServerContext::load({world.certificates.leaf({"smart.example"})}).value();
  SmtpSink& sink = world.sink("127.0.0.2", behaviour);
  ipc::Deliver request = World::message({"b@x"});
  request.nextHop = {ipc::NextHop::Kind::host, "smart.example", world.settings->mxPort, true,
                     static_cast<std::uint8_t>(net::TlsVerify::pkix), "user", "secret", {}};
  sink.behaviour.rcptReplies = {{"b@x", "550 5.1.1 no"}};
  const std::string said = world.send(request).transcript;
  CHECK(said.find("C: AUTH PLAIN ***") != std::string::npos);
  CHECK(said.find("AHVzZXIAc2VjcmV0") == std::string::npos);
  sink.behaviour.rcptReplies.clear();
  CHECK(world.sendOne(request).state == RecipientState::delivered);
  CHECK(sink.messages.at(0).user == "AUTH PLAIN AHVzZXIAc2VjcmV0");
  CHECK(sink.messages.at(0).from.find(" AUTH=<>") != std::string::npos);
  world.dns->addAddress("wrong.example", "127.0.0.2");
  request.nextHop.name = "wrong.example";
  CHECK(world.sendOne(request).reply.enhanced == "4.7.5");
  sink.behaviour.tls = nullptr;
  request.nextHop.name = "smart.example";
  request.nextHop.user = "other";
  request.nextHop.tlsRequired = false;
  request.nextHop.tlsVerify = 0;
  CHECK(world.sendOne(request).reply.enhanced == "4.7.4");
  CHECK(sink.messages.size() == 1);
}

TEST_CASE("DANE: a key that fits is trusted, one that does not stops the mail, a bogus answer too") {
  for (const std::string& kind : {"fits", "does not", "bogus", "unusable", "insecure"}) {
    INFO(kind);
    World world;
    world.dns->addMx("rcpt.example", 10, "mx1.rcpt.example", true);
    world.dns->addAddress("mx1.rcpt.example", "127.0.0.2", kind != "insecure");
    const net::CertificateFiles leaf = world.certificates.leaf({"whatever.example"});
    Behaviour behaviour;
    behaviour.tls = net::TlsServerContext::load({leaf}).value();
    SmtpSink& sink = world.sink("127.0.0.2", behaviour);
    net::TlsaRecord record = net::TestCertificates::tlsaOf(leaf);
    if (kind == "does not" || kind == "insecure") record.data[3] = static_cast<char>(record.data[3] ^ 1);
    if (kind == "unusable") record.usage = 0;
    const std::string name = "_" + std::to_string(world.settings->mxPort) + "._tcp.mx1.rcpt.example";
    world.dns->addTlsa(name, record);
    if (kind == "bogus") world.dns->setStatus(name, dns::Type::tlsa, dns::Status::bogus);
    const auto one = world.sendOne(World::message({"b@rcpt.example"}));
    const bool arrives = kind != "does not" && kind != "bogus";
    CHECK((one.state == RecipientState::delivered) == arrives);
    CHECK(sink.messages.size() == (arrives ? 1 : 0));
    if (arrives) CHECK(sink.messages[0].secured);
    if (!arrives) CHECK(one.reply.enhanced == "4.7.5");
  }
}

TEST_CASE("TLS-Required: No overrules the recipient's domain, and not this host's administrator: RFC 8689 5") {
  for (const std::string& policy : {"wrong key", "bogus", "route", "certificate"}) {
    INFO(policy);
    World world;
    world.dns->addMx("rcpt.example", 10, "mx1.rcpt.example", true);
    world.dns->addAddress("mx1.rcpt.example", "127.0.0.2", true);
    SmtpSink& sink = world.sink("127.0.0.2");
    ipc::Deliver request = World::message({"b@rcpt.example"});
    request.envelope.handling.tlsOptional = true;
    const std::string name = "_" + std::to_string(world.settings->mxPort) + "._tcp.mx1.rcpt.example";
    if (policy == "wrong key" || policy == "bogus") world.dns->addTlsa(name, net::TestCertificates::tlsaOf(world.certificates.leaf({"x.example"})));
    if (policy == "bogus") world.dns->setStatus(name, dns::Type::tlsa, dns::Status::bogus);
    request.nextHop.tlsRequired = policy == "route";
    if (policy == "certificate") request.nextHop.tlsVerify = static_cast<std::uint8_t>(net::TlsVerify::pkix);
    const bool arrives = policy == "wrong key" || policy == "bogus";
    CHECK((world.sendOne(std::move(request)).state == RecipientState::delivered) == arrives);
    CHECK(sink.messages.size() == (arrives ? 1 : 0));
  }
}

TEST_CASE("DANE end to end with a signed zone: a match goes, a mismatch and a bogus answer wait, without TLSA it is as ever") {
  if (!dns::NsdServer::available()) {
    WARN("skipped: nsd or ldnsutils is not installed");
    return;
  }
  World world;
  world.settings->messagesPerConnection = 1;
  const net::CertificateFiles leaf = world.certificates.leaf({"whatever.example"});
  Behaviour behaviour;
  behaviour.tls = net::TlsServerContext::load({leaf}).value();
  SmtpSink& sink = world.sink("127.0.0.2", behaviour);
  const std::string tlsa = "_" + std::to_string(world.settings->mxPort) + "._tcp.mx TLSA 3 1 1 ";
  const std::string right = toHex(net::TestCertificates::tlsaOf(leaf).data);
  const std::string wrong = std::string(64, '0');
  const std::string host = "@ MX 10 mx\nmx A 127.0.0.2\n";
  dns::NsdServer nsd;
  dns::UnboundOptions options;
  for (const auto& [zone, records] : {std::pair{"match.example", host + tlsa + right + "\n"}, {"mismatch.example", host + tlsa + wrong + "\n"},
                                      {"several.example", host + tlsa + wrong + "\n" + tlsa + right + "\n"}, {"none.example", host}}) {
    options.trustAnchors.push_back(nsd.addSignedZone(zone, records));
  }
  // Signed by a key that the trust anchor does not name.
  const std::string anchor = nsd.addSignedZone("bogus.example", host + tlsa + right + "\n");
  options.trustAnchors.push_back(anchor.substr(0, anchor.size() - 8) + (anchor.ends_with("00000000") ? "11111111" : "00000000"));
  nsd.addZone("unsigned.example", host + tlsa + wrong + "\n");
  nsd.start();
  options.servers = {nsd.endpoint()};
  world.settings->resolver = dns::UnboundResolver::create(world.loop, options, std::make_shared<dns::AnswerCache>()).value();
  struct Row {
    const char* domain;
    RecipientState state;
    const char* enhanced;
  };
  for (const Row& row : {Row{"match.example", RecipientState::delivered, "2.0.0"}, Row{"several.example", RecipientState::delivered, "2.0.0"},
                         Row{"none.example", RecipientState::delivered, "2.0.0"}, Row{"unsigned.example", RecipientState::delivered, "2.0.0"},
                         Row{"mismatch.example", RecipientState::deferred, "4.7.5"}, Row{"bogus.example", RecipientState::deferred, "4.7.0"}}) {
    INFO(row.domain);
    const std::size_t before = sink.messages.size();
    const auto one = world.sendOne(World::message({std::string("b@") + row.domain}, row.domain));
    CHECK(one.state == row.state);
    CHECK(one.reply.enhanced == row.enhanced);
    CHECK(sink.messages.size() == before + (row.state == RecipientState::delivered ? 1 : 0));
    if (sink.messages.size() > before) CHECK(sink.messages.back().secured);
  }
  // Where TLSA says TLS, clear text is no way out.
  sink.behaviour.tls = nullptr;
  CHECK(world.sendOne(World::message({"c@match.example"}, "match.example")).state == RecipientState::deferred);
}

}  // namespace
}  // namespace ostler::out
