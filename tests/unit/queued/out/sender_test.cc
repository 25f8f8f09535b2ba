// Which host gets a message, over which connection, and what becomes of each recipient.
#include "queued/out/sender.h"

#include <catch2/catch.hpp>

#include "libmailcore/dns/unbound_resolver.h"
#include "queued/out/racing.h"
#include "tests/unit/libmailcore/dns/nsd_server.h"
#include "tests/unit/queued/out/sender_world.h"

namespace ostler::out {
namespace {

using namespace std::chrono_literals;
using namespace test;

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
  CHECK(outcome.recipients[3].reply.enhanced.empty());
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
  CHECK_FALSE(world.sender().isSweeping());  // nothing wakes a process that has nothing to look at
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

namespace {

Task<void> askOnce(World& world, ipc::Deliver request, std::vector<ipc::DeliverOutcome>& outcomes) {
  UniqueFd file = World::content(request, "Subject: x\r\n\r\nhello\r\n");
  Result<ipc::DeliverOutcome> outcome = co_await world.sender().deliverOnce(std::move(request), std::move(file));
  outcomes.push_back(outcome.value());
}

}  // namespace

TEST_CASE("who asks again for what is under way or was delivered lately is told of that attempt, and no second copy is sent") {
  TwoHosts world;
  Behaviour slow;
  slow.pauseAfterDot = 200ms;
  SmtpSink& sink = world.sink("127.0.0.2", slow);
  std::vector<ipc::DeliverOutcome> outcomes;
  TaskScope asking(world.loop);
  asking.spawn(askOnce(world, World::message({"b@rcpt.example"}), outcomes));  // and whoever asked for it dies
  asking.spawn(askOnce(world, World::message({"b@rcpt.example"}), outcomes));
  REQUIRE(world.loop.runUntilDone(asking.whenIdle(Deadline::after(10s))));
  asking.spawn(askOnce(world, World::message({"b@rcpt.example", "c@rcpt.example"}), outcomes));
  REQUIRE(world.loop.runUntilDone(asking.whenIdle(Deadline::after(10s))));
  REQUIRE(outcomes.size() == 3);
  CHECK_FALSE(outcomes[0].recipients.at(0).isToldAgain);
  CHECK(outcomes[1].recipients.at(0).isToldAgain);
  CHECK(outcomes[1].recipients.at(0).reply.text == "taken");
  CHECK(outcomes[2].recipients.at(0).isToldAgain);
  CHECK_FALSE(outcomes[2].recipients.at(1).isToldAgain);
  REQUIRE(sink.messages.size() == 2);
  CHECK(sink.messages[1].to == std::vector<std::string>{"c@rcpt.example"});
}

TEST_CASE("who asks again for what was deferred has it tried again, and another message for the same recipient is sent") {
  TwoHosts world;
  Behaviour busy;
  busy.rcptReplies = {{"b@rcpt.example", "450 4.2.0 later"}};
  SmtpSink& sink = world.sink("127.0.0.2", busy);
  std::vector<ipc::DeliverOutcome> outcomes;
  TaskScope asking(world.loop);
  const auto ask = [&](const std::string& id) {
    ipc::Deliver request = World::message({"b@rcpt.example"});
    request.queueId = id;
    asking.spawn(askOnce(world, std::move(request), outcomes));
    REQUIRE(world.loop.runUntilDone(asking.whenIdle(Deadline::after(10s))));
  };
  ask("q1");
  sink.behaviour.rcptReplies.clear();
  ask("q1");
  ask("q2");
  CHECK(sink.messages.size() == 2);
  for (const ipc::DeliverOutcome& outcome : outcomes) CHECK_FALSE(outcome.recipients.at(0).isToldAgain);
}

}  // namespace
}  // namespace ostler::out
