#include "queued/out/sender.h"

#include <sys/mman.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>

#include "libmailcore/dns/fixed_resolver.h"
#include "libmailcore/dns/unbound_resolver.h"
#include "libmailcore/ipc/sending.h"
#include "libmailcore/ipc/socket.h"
#include "queued/out/racing.h"
#include "tests/unit/libmailcore/dns/nsd_server.h"
#include "tests/unit/libmailcore/net/test_certificates.h"
#include "tests/unit/queued/out/smtp_sink.h"

namespace ostler::out {
namespace {

using namespace std::chrono_literals;
using Behaviour = SmtpSink::Behaviour;
using RecipientState = ipc::RecipientOutcome::State;

// Sinks for MX hosts listen on 127.0.0.2, 127.0.0.3, ... with one port, as real hosts do.
struct World {
  World() {
    std::signal(SIGPIPE, SIG_IGN);
    settings->hostName = "me.example";
    settings->connectTimeout = 2s;
    settings->dnsTimeout = 20s;
    settings->timeouts.greeting = settings->timeouts.command = settings->timeouts.dataStart = settings->timeouts.dataEnd = 500ms;
    settings->timeouts.dataBlock = settings->timeouts.quit = 500ms;
    settings->resolver = dns;
    settings->tls = net::TlsClientContext::load(certificates.caFile()).value();
  }
  SmtpSink& sink(const std::string& address, Behaviour behaviour = {}) {
    sinks.push_back(std::make_unique<SmtpSink>(loop, address + ":" + std::to_string(settings->mxPort == 25 ? 0 : settings->mxPort),
                                               std::move(behaviour)));
    if (settings->mxPort == 25) settings->mxPort = sinks.back()->endpoint().port;
    return *sinks.back();
  }
  Sender& sender() {
    if (!sender_) sender_.emplace(loop, settings, log::Log());
    return *sender_;
  }
  static ipc::Deliver message(std::vector<std::string> to, const std::string& domain = "rcpt.example") {
    ipc::Deliver out;
    out.queueId = "q1";
    out.nextHop.kind = ipc::NextHop::Kind::mx;
    out.nextHop.name = domain;
    out.heloName = "me.example";
    out.envelope.reversePath = "from@example";
    for (auto& path : to) out.envelope.recipients.push_back({std::move(path), "", 6, false});
    out.prefix = "Received: here\r\n";
    return out;
  }
  static UniqueFd content(ipc::Deliver& request, const std::string& text) {
    UniqueFd file(memfd_create("content", MFD_CLOEXEC));
    if (write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) throw std::runtime_error("write");
    request.length = text.size();
    return file;
  }
  ipc::DeliverOutcome send(ipc::Deliver request) {
    UniqueFd file = content(request, "Subject: x\r\n\r\nhello\r\n");
    return loop.runUntilDone(sender().deliver(std::move(request), std::move(file))).value();
  }
  ipc::RecipientOutcome sendOne(ipc::Deliver request) { return send(std::move(request)).recipients.at(0); }

  net::TestCertificates certificates;
  Loop loop;
  std::shared_ptr<dns::FixedResolver> dns = std::make_shared<dns::FixedResolver>();
  std::shared_ptr<Settings> settings = std::make_shared<Settings>();
  std::vector<std::unique_ptr<SmtpSink>> sinks;

 private:
  std::optional<Sender> sender_;
};

struct TwoHosts : World {
  TwoHosts() {
    dns->addMx("rcpt.example", 10, "mx1.rcpt.example");
    dns->addMx("rcpt.example", 20, "mx2.rcpt.example");
    dns->addAddress("mx1.rcpt.example", "127.0.0.2");
    dns->addAddress("mx2.rcpt.example", "127.0.0.3");
  }
};

TEST_CASE("a message found by a real server's MX records arrives octet by octet") {
  if (!dns::NsdServer::available()) {
    ostler::test::skip("nsd and ldnsutils are missing");
    return;
  }
  dns::NsdServer nsd;
  nsd.addZone("rcpt.example", "@ MX 10 mx1\n@ MX 20 mx2\nmx1 A 127.0.0.2\nmx2 A 127.0.0.3\n");
  nsd.start();
  World world;
  dns::UnboundOptions options;
  options.servers = {nsd.endpoint()};
  world.settings->resolver = dns::UnboundResolver::create(world.loop, options, std::make_shared<dns::AnswerCache>()).value();
  SmtpSink& first = world.sink("127.0.0.2");
  SmtpSink& second = world.sink("127.0.0.3");
  const ipc::RecipientOutcome one = world.sendOne(World::message({"b@rcpt.example"}));
  CHECK(one.state == RecipientState::delivered);
  CHECK(one.remoteHost == "mx1.rcpt.example [127.0.0.2]:" + std::to_string(world.settings->mxPort));
  CHECK(one.reply.text == "taken");
  REQUIRE(first.messages.size() == 1);
  CHECK(first.messages[0].content == "Received: here\r\nSubject: x\r\n\r\nhello\r\n");
  CHECK(second.connections == 0);
  CHECK(world.sendOne(World::message({"b@nowhere.rcpt.example"}, "nowhere.rcpt.example")).reply.enhanced == "5.1.2");
}

TEST_CASE("when the best host is down the next is used, and consecutive messages share its connection") {
  TwoHosts world;
  SmtpSink& second = world.sink("127.0.0.3");
  for (int i = 0; i < 5; ++i) CHECK(world.sendOne(World::message({"b@rcpt.example"})).state == RecipientState::delivered);
  CHECK(second.messages.size() == 5);
  CHECK(second.connections == 1);
}

TEST_CASE("each recipient has its own outcome, with the server's words") {
  TwoHosts world;
  Behaviour picky;
  picky.rcptReplies = {{"no@rcpt.example", "550 5.1.1 No such user"}, {"later@rcpt.example", "450 4.2.0 Greylisted"}, {"old@rcpt.example", "553 sorry"}};
  SmtpSink& first = world.sink("127.0.0.2", picky);
  const auto outcome = world.send(World::message({"yes@rcpt.example", "no@rcpt.example", "later@rcpt.example", "old@rcpt.example"}));
  CHECK(outcome.recipients[0].state == RecipientState::delivered);
  CHECK(outcome.recipients[1].state == RecipientState::failed);
  CHECK(outcome.recipients[1].reply.code == 550);
  CHECK(outcome.recipients[1].reply.enhanced == "5.1.1");
  CHECK(outcome.recipients[1].reply.text == "No such user");
  CHECK(outcome.recipients[2].state == RecipientState::deferred);
  CHECK(outcome.recipients[3].reply.enhanced == "5.0.0");
  CHECK(first.messages.at(0).to == std::vector<std::string>{"yes@rcpt.example"});
}

TEST_CASE("a recipient that the best host defers at RCPT is offered to the next host in the same attempt") {
  TwoHosts world;
  Behaviour grey;
  grey.rcptReplies = {{"later@rcpt.example", "450 4.2.0 Greylisted"}};
  SmtpSink& first = world.sink("127.0.0.2", grey);
  SmtpSink& second = world.sink("127.0.0.3");
  const auto outcome = world.send(World::message({"yes@rcpt.example", "later@rcpt.example"}));
  CHECK(outcome.recipients[0].state == RecipientState::delivered);
  CHECK(outcome.recipients[1].state == RecipientState::delivered);
  CHECK(outcome.recipients[1].remoteHost.starts_with("mx2.rcpt.example"));
  CHECK(first.messages.size() == 1);
  CHECK(second.messages.size() == 1);
  // Over the idle session, too, and the host that deferred is not asked twice.
  CHECK(world.sendOne(World::message({"later@rcpt.example"})).state == RecipientState::delivered);
  CHECK(first.connections == 1);
}

TEST_CASE("a connection dropped after the final dot is temporary, and no other host gets the message") {
  TwoHosts world;
  Behaviour drops;
  drops.closeAfterDot = true;
  SmtpSink& first = world.sink("127.0.0.2", drops);
  SmtpSink& second = world.sink("127.0.0.3");
  const auto one = world.sendOne(World::message({"b@rcpt.example"}));
  CHECK(one.state == RecipientState::deferred);
  CHECK(one.reply.enhanced == "4.4.2");
  CHECK(first.messages.size() == 1);
  CHECK(second.messages.empty());
}

TEST_CASE("a host that does not answer in time is left for the next, and after the content for later") {
  TwoHosts world;
  Behaviour silent;
  silent.silentAfterDot = true;
  world.sink("127.0.0.2", silent);
  const auto start = std::chrono::steady_clock::now();
  CHECK(world.sendOne(World::message({"b@rcpt.example"})).state == RecipientState::deferred);
  CHECK(std::chrono::steady_clock::now() - start < 5s);
}

TEST_CASE("a host that refuses the session or the sender for now is left for the next") {
  for (const char* greeting : {"421 busy", "554 no"}) {
    TwoHosts world;
    Behaviour busy;
    busy.greeting = greeting;
    world.sink("127.0.0.2", busy);
    SmtpSink& second = world.sink("127.0.0.3");
    CHECK(world.sendOne(World::message({"b@rcpt.example"})).state == RecipientState::delivered);
    CHECK(second.messages.size() == 1);
  }
  TwoHosts world;
  Behaviour grudging;
  grudging.mailReply = "452 4.3.1 full";
  world.sink("127.0.0.2", grudging);
  SmtpSink& second = world.sink("127.0.0.3");
  CHECK(world.sendOne(World::message({"b@rcpt.example"})).state == RecipientState::delivered);
  CHECK(second.messages.size() == 1);
}

TEST_CASE("when nobody can be reached the mail waits, and the outcome names no host") {
  TwoHosts world;
  world.settings->mxPort = 1;
  const auto one = world.sendOne(World::message({"b@rcpt.example"}));
  CHECK(one.state == RecipientState::deferred);
  CHECK(one.reply.enhanced == "4.4.1");
  CHECK(one.remoteHost.empty());
}

TEST_CASE("what the DNS says for certain is final, what it cannot say waits") {
  World world;
  world.dns->addMx("null.example", 0, "");
  world.dns->setStatus("broken.example", dns::Type::mx, dns::Status::tempfail);
  world.dns->setStatus("bogus.example", dns::Type::mx, dns::Status::bogus);
  world.dns->addMx("loop.example", 10, "me.example");
  const auto enhanced = [&](const char* domain) { return world.sendOne(World::message({"b@x"}, domain)).reply.enhanced; };
  CHECK(enhanced("null.example") == "5.1.10");
  CHECK(enhanced("nowhere.example") == "5.1.2");
  CHECK(enhanced("broken.example") == "4.4.3");
  CHECK(enhanced("bogus.example") == "4.7.0");
  CHECK(enhanced("loop.example") == "5.4.6");
}

TEST_CASE("a session is ended after so many messages, or when it was idle too long") {
  TwoHosts world;
  world.settings->messagesPerConnection = 2;
  world.settings->idleTimeout = 30ms;
  SmtpSink& first = world.sink("127.0.0.2");
  for (int i = 0; i < 4; ++i) CHECK(world.sendOne(World::message({"b@rcpt.example"})).state == RecipientState::delivered);
  CHECK(first.connections == 2);
  CHECK(world.sendOne(World::message({"b@rcpt.example"})).state == RecipientState::delivered);
  CHECK(world.sender().idleSessions() == 1);
  for (int i = 0; i < 100 && world.sender().idleSessions() > 0; ++i) world.loop.runUntilDone(world.loop.sleepUntil(Deadline::after(10ms)));
  CHECK(world.sender().idleSessions() == 0);
  for (int i = 0; i < 100 && first.quits < 3; ++i) world.loop.runUntilDone(world.loop.sleepUntil(Deadline::after(10ms)));
  CHECK(first.quits == 3);
}

TEST_CASE("a session that the server closed meanwhile is replaced without anybody noticing") {
  TwoHosts world;
  Behaviour shortLived;
  shortLived.closeAfterMessages = 1;
  SmtpSink& first = world.sink("127.0.0.2", shortLived);
  for (int i = 0; i < 5; ++i) CHECK(world.sendOne(World::message({"b@rcpt.example"})).state == RecipientState::delivered);
  CHECK(first.messages.size() == 5);
  CHECK(first.connections == 5);
}

TEST_CASE("address literals, host names, Unix sockets and LMTP need no MX") {
  World world;
  SmtpSink& first = world.sink("127.0.0.2");
  CHECK(world.sendOne(World::message({"b@[127.0.0.2]"}, "[127.0.0.2]")).state == RecipientState::delivered);
  ipc::Deliver toHost = World::message({"b@x"});
  toHost.nextHop.kind = ipc::NextHop::Kind::host;
  toHost.nextHop.name = "smart.example";
  toHost.nextHop.port = world.settings->mxPort;
  world.dns->addAddress("smart.example", "127.0.0.2");
  CHECK(world.sendOne(toHost).state == RecipientState::delivered);
  CHECK(first.messages.size() == 2);

  Behaviour lmtp;
  lmtp.lmtp = true;
  lmtp.dataReply = "452 4.2.2 over quota";
  SmtpSink unixSink(world.loop, world.certificates.caFile() + ".sock", lmtp);
  ipc::Deliver toUnix = World::message({"b@x", "c@x"});
  toUnix.nextHop.kind = ipc::NextHop::Kind::lmtp;
  toUnix.nextHop.name = unixSink.endpoint().unixPath;
  const auto outcome = world.send(toUnix);
  CHECK(outcome.recipients[0].reply.enhanced == "4.2.2");
  CHECK(outcome.recipients[1].state == RecipientState::deferred);
  CHECK(outcome.recipients[1].remoteHost == unixSink.endpoint().unixPath);
}

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

TEST_CASE("an address that swallows connections costs a quarter of a second, not the whole time for connecting") {
  // A listener whose line is full, so that the kernel answers no more.
  World world;
  SmtpSink& sink = world.sink("127.0.0.3");
  const Result<UniqueFd> full = net::listenOn(net::Endpoint::parse("127.0.0.2:" + std::to_string(world.settings->mxPort)).value());
  REQUIRE(full);
  REQUIRE(::listen(full->get(), 0) == 0);
  std::vector<UniqueFd> waiting;
  for (int n = 0; n < 4; ++n) {
    UniqueFd one(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    sockaddr_storage to{};
    const socklen_t length = net::Endpoint::parse("127.0.0.2:" + std::to_string(world.settings->mxPort)).value().toSockaddr(to);
    (void)::connect(one.get(), reinterpret_cast<const sockaddr*>(&to), length);
    waiting.push_back(std::move(one));
  }
  world.dns->addMx("rcpt.example", 10, "mx1.rcpt.example");
  world.dns->addAddress("mx1.rcpt.example", "127.0.0.2");
  world.dns->addAddress("mx1.rcpt.example", "127.0.0.3");
  const auto began = std::chrono::steady_clock::now();
  CHECK(world.sendOne(World::message({"b@rcpt.example"})).state == RecipientState::delivered);
  CHECK(std::chrono::steady_clock::now() - began < 1500ms);
  CHECK(sink.messages.size() == 1);
}

TEST_CASE("the families of a host's addresses take turns") {
  std::vector<net::Endpoint> all;
  for (const char* text : {"[2001:db8::1]:25", "[2001:db8::2]:25", "192.0.2.1:25", "[2001:db8::3]:25", "192.0.2.2:25"}) all.push_back(net::Endpoint::parse(text).value());
  std::string order;
  for (const net::Endpoint& endpoint : interleaved(all)) order += endpoint.address.isV4() ? '4' : '6';
  CHECK(order == "64646");
}

TEST_CASE("an internationalised domain goes in A-labels, an internationalised local part needs SMTPUTF8") {
  TwoHosts world;
  SmtpSink& first = world.sink("127.0.0.2");
  const auto outcome = world.send(World::message({"b@b\xC3\xBC"
                                                  "cher.example",
                                                  "b\xC3\xBC@rcpt.example"}));
  CHECK(outcome.recipients[0].state == RecipientState::delivered);
  CHECK(first.messages.at(0).to == std::vector<std::string>{"b@xn--bcher-kva.example"});
  CHECK(outcome.recipients[1].reply.enhanced == "5.6.7");
}

ipc::Deliver eightBitMessage(const std::string& header = "") {
  ipc::Deliver out = World::message({"b@rcpt.example"});
  out.prefix = header + "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xC3\xBC\r\n";
  out.hasEightBit = true;
  return out;
}

TEST_CASE("8-bit content is converted for a server without 8BITMIME, and goes as it is to one that has it") {
  TwoHosts world;
  Behaviour old;
  old.eightBitMime = false;
  SmtpSink& first = world.sink("127.0.0.2", old);
  CHECK(world.sendOne(eightBitMessage()).state == RecipientState::delivered);
  CHECK(first.messages.at(0).content.find("Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=BC\r\n") != std::string::npos);
  CHECK(first.messages.at(0).from.find("BODY=") == std::string::npos);
  TwoHosts modern;
  SmtpSink& sink = modern.sink("127.0.0.2");
  CHECK(modern.sendOne(eightBitMessage()).state == RecipientState::delivered);
  CHECK(sink.messages.at(0).from.find("BODY=8BITMIME") != std::string::npos);
  CHECK(sink.messages.at(0).content.find("\xC3\xBC") != std::string::npos);
}

TEST_CASE("signed 8-bit content goes to the host that takes it unconverted, or back") {
  TwoHosts world;
  Behaviour old;
  old.eightBitMime = false;
  SmtpSink& first = world.sink("127.0.0.2", old);
  SmtpSink& second = world.sink("127.0.0.3");
  const std::string signature = "DKIM-Signature: v=1; a=x\r\n";
  CHECK(world.sendOne(eightBitMessage(signature)).state == RecipientState::delivered);
  CHECK(first.messages.empty());
  CHECK(second.messages.at(0).content.find("\xC3\xBC") != std::string::npos);
  TwoHosts none;
  none.sink("127.0.0.2", old);
  none.sink("127.0.0.3", old);
  const auto back = none.sendOne(eightBitMessage(signature));
  CHECK(back.state == RecipientState::failed);
  CHECK(back.reply.enhanced == "5.6.3");
}

TEST_CASE("a priority goes as a parameter, or as a header field where the server does not know it") {
  for (const bool knows : {true, false}) {
    INFO(knows);
    TwoHosts world;
    Behaviour behaviour;
    behaviour.priority = knows;
    SmtpSink& sink = world.sink("127.0.0.2", behaviour);
    ipc::Deliver request = World::message({"b@rcpt.example"});
    request.envelope.handling.priority = 4;
    CHECK(world.sendOne(request).state == RecipientState::delivered);
    CHECK((sink.messages.at(0).from.find("MT-PRIORITY=4") != std::string::npos) == knows);
    CHECK(sink.messages.at(0).content.starts_with("MT-Priority: 4\r\n") == !knows);
  }
}

TEST_CASE("what was said comes with the outcome of a message that was not taken, without the password") {
  TwoHosts world;
  Behaviour picky;
  picky.rcptReplies = {{"no@rcpt.example", "550 5.1.1 No such user"}};
  world.sink("127.0.0.2", picky);
  const auto refused = world.send(World::message({"no@rcpt.example"}));
  for (const char* line : {"* mx1.rcpt.example [127.0.0.2]:", "S: 220 sink", "C: EHLO me.example", "C: RCPT TO:<no@rcpt.example>",
                           "S: 550 5.1.1 No such user"}) {
    INFO(line);
    CHECK(refused.transcript.find(line) != std::string::npos);
  }
  CHECK(world.send(World::message({"yes@rcpt.example"})).transcript.empty());
  TwoHosts down;
  down.settings->mxPort = 1;
  CHECK(down.send(World::message({"b@rcpt.example"})).transcript.find("* mx1.rcpt.example: ") != std::string::npos);
}

TEST_CASE("many deliveries at once share a bounded number of connections") {
  TwoHosts world;
  world.settings->concurrency = 10;
  world.settings->messagesPerConnection = 0;
  SmtpSink& first = world.sink("127.0.0.2");
  TaskScope scope(world.loop);
  int delivered = 0;
  const auto one = [](Sender& by, ipc::Deliver request, UniqueFd file, int& count) -> Task<void> {
    const Result<ipc::DeliverOutcome> outcome = co_await by.deliver(std::move(request), std::move(file));
    if (outcome && outcome->recipients[0].state == RecipientState::delivered) ++count;
  };
  for (int i = 0; i < 500; ++i) {
    ipc::Deliver request = World::message({"b@rcpt.example"});
    UniqueFd file = World::content(request, "Subject: " + std::to_string(i) + "\r\n\r\nx\r\n");
    scope.spawn(one(world.sender(), std::move(request), std::move(file), delivered));
  }
  REQUIRE(world.loop.runUntilDone(scope.whenIdle(Deadline::after(20s))));
  CHECK(delivered == 500);
  CHECK(first.messages.size() == 500);
  CHECK(first.connections <= 10);
}

TEST_CASE("a drain finishes what is under way and refuses the rest") {
  TwoHosts world;
  SmtpSink& first = world.sink("127.0.0.2");
  TaskScope scope(world.loop);
  std::string fate;
  const auto one = [](Sender& by, ipc::Deliver request, UniqueFd file, std::string& out) -> Task<void> {
    const Result<ipc::DeliverOutcome> outcome = co_await by.deliver(std::move(request), std::move(file));
    out += outcome ? "done " : "refused ";
  };
  ipc::Deliver request = World::message({"b@rcpt.example"});
  UniqueFd file = World::content(request, "x\r\n");
  scope.spawn(one(world.sender(), request, std::move(file), fate));
  CHECK(world.loop.runUntilDone(world.sender().drain(Deadline::after(10s))));
  file = World::content(request, "x\r\n");
  scope.spawn(one(world.sender(), request, std::move(file), fate));
  CHECK(fate == "done refused ");
  CHECK(first.messages.size() == 1);
}

TEST_CASE("deliveries cancelled at random moments leave nothing behind") {
  TwoHosts world;
  world.sink("127.0.0.2");
  for (int round = 0; round < 60; ++round) {
    TaskScope scope(world.loop);
    const auto one = [](Sender& by, ipc::Deliver request, UniqueFd file) -> Task<void> {
      const Result<ipc::DeliverOutcome> outcome = co_await by.deliver(std::move(request), std::move(file));
      (void)outcome;
    };
    for (int i = 0; i < 5; ++i) {
      ipc::Deliver request = World::message({"b@rcpt.example"});
      UniqueFd file = World::content(request, std::string(50'000, 'x') + "\r\n");
      scope.spawn(one(world.sender(), std::move(request), std::move(file)));
    }
    world.loop.runUntilDone(world.loop.sleepUntil(Deadline::after(std::chrono::microseconds(round * 50))));
  }
  CHECK(world.sendOne(World::message({"b@rcpt.example"})).state == RecipientState::delivered);
}

}  // namespace
}  // namespace ostler::out
