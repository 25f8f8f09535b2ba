// What its sender asks of a message's way, and the next host can or cannot: DELIVERBY (RFC 2852), REQUIRETLS (RFC 8689); and how many
// recipients it takes at once: LIMITS (RFC 9422).
#include <catch2/catch.hpp>

#include "tests/unit/queued/out/sender_world.h"

namespace ostler::out {
namespace {

using namespace std::chrono_literals;
using namespace test;
using By = ipc::Handling::By;

ipc::Deliver deadlineIn(const World& world, std::chrono::milliseconds left, By by, bool trace = false) {
  ipc::Deliver out = World::message({"b@rcpt.example"});
  out.envelope.handling.by = by;
  out.envelope.handling.deliverBy = world.clock.now() + left;
  out.envelope.handling.byTrace = trace;
  return out;
}

Behaviour knowing(const std::string& extension) {
  Behaviour out;
  out.extensions = {extension};
  return out;
}

/// "BY=..." as the server heard it; empty: it did not.
std::string heardBy(const SmtpSink& sink) {
  const std::string& line = sink.messages.at(0).from;
  const std::size_t at = line.find("BY=");
  return at == std::string::npos ? "" : line.substr(at, line.find(' ', at) - at);
}

}  // namespace

TEST_CASE("the next host is told what is left of the time, with its mode and trace") {
  struct Row {
    std::chrono::milliseconds given;
    By by;
    bool trace;
    std::string said;
  };
  // 250 seconds of each were used up here. None left means that the sender was told: so what was not told keeps a second.
  const std::vector<Row> rows = {
      {600s, By::giveBack, false, "BY=350;R"}, {600s, By::notify, true, "BY=350;NT"},   {250'400ms, By::notify, false, "BY=1;N"},
      {200s, By::notify, false, "BY=1;N"},     {200s, By::told, true, "BY=-50;NT"},     {250s, By::told, false, "BY=0;N"},
      {251'900ms, By::giveBack, true, "BY=1;RT"},
  };
  for (const Row& row : rows) {
    INFO(row.said);
    TwoHosts world;
    SmtpSink& sink = world.sink("127.0.0.2", knowing("DELIVERBY"));
    ipc::Deliver request = deadlineIn(world, row.given, row.by, row.trace);
    world.clock.advance(250s);
    const ipc::RecipientOutcome outcome = world.sendOne(std::move(request));
    CHECK(outcome.state == RecipientState::delivered);
    CHECK(outcome.byPassedOn);
    CHECK(heardBy(sink) == row.said);
  }
}

TEST_CASE("what must come back in time goes to no host that lacks DELIVERBY, or wants more time than is left") {
  struct Row {
    std::string extension;
    std::chrono::seconds left;
    std::string enhanced;
  };
  const std::vector<Row> rows = {{"HELP", 600s, "5.3.3"},          {"DELIVERBY 240", 239s, "5.4.7"}, {"DELIVERBY 240,X", 239s, "5.4.7"},
                                 {"DELIVERBY", 0s, "5.4.7"},       {"DELIVERBY", -5s, "5.4.7"},      {"deliverby 240", 240s, "2.0.0"},
                                 {"DELIVERBY nonsense", 1s, "2.0.0"}};
  for (const Row& row : rows) {
    INFO(row.extension << " " << row.left.count());
    TwoHosts world;
    SmtpSink& sink = world.sink("127.0.0.2", knowing(row.extension));
    world.sink("127.0.0.3", knowing(row.extension));
    const ipc::RecipientOutcome outcome = world.sendOne(deadlineIn(world, row.left, By::giveBack));
    CHECK(outcome.reply.enhanced == row.enhanced);
    CHECK(outcome.state == (row.enhanced == "2.0.0" ? RecipientState::delivered : RecipientState::failed));
    CHECK(sink.messages.empty() == (row.enhanced != "2.0.0"));
  }
}

TEST_CASE("what is told when it is late goes to every host; behind one that lacks DELIVERBY nobody heeds the time") {
  TwoHosts world;
  SmtpSink& sink = world.sink("127.0.0.2");
  const ipc::RecipientOutcome outcome = world.sendOne(deadlineIn(world, 600s, By::notify));
  CHECK(outcome.state == RecipientState::delivered);
  CHECK_FALSE(outcome.byPassedOn);
  CHECK(heardBy(sink).empty());
}

TEST_CASE("what the first host of a domain lacks is looked for at the next") {
  TwoHosts world;
  SmtpSink& first = world.sink("127.0.0.2");
  SmtpSink& second = world.sink("127.0.0.3", knowing("DELIVERBY"));
  CHECK(world.sendOne(deadlineIn(world, 600s, By::giveBack)).state == RecipientState::delivered);
  CHECK(first.messages.empty());
  CHECK(second.messages.size() == 1);
}

TEST_CASE("mail that asks for TLS goes to an LMTP server, which has no way to go on: RFC 8689 is of relays") {
  World world;
  Behaviour lmtp;
  lmtp.lmtp = true;
  lmtp.tls = net::TlsServerContext::load({world.certificates.leaf({"store.example"})}).value();
  SmtpSink& store = world.sink("127.0.0.2", lmtp);
  world.dns->addAddress("store.example", "127.0.0.2");
  ipc::Deliver request = World::message({"b@rcpt.example"});
  request.nextHop.kind = ipc::NextHop::Kind::lmtp;
  request.nextHop.name = "store.example";
  request.nextHop.port = store.endpoint().port;
  request.envelope.handling.requireTls = true;
  CHECK(world.sendOne(std::move(request)).state == RecipientState::delivered);
  CHECK(store.messages.at(0).secured);
  CHECK(store.messages.at(0).from.find("REQUIRETLS") == std::string::npos);
}

TEST_CASE("a host gets no more recipients at once, or of more domains, than it says it takes: the rest in further transactions") {
  struct Row {
    std::string extension;
    std::size_t refusesFrom;
    std::vector<std::size_t> expected;  ///< recipients of each transaction
    unsigned connections;
  };
  const std::vector<Row> rows = {{"LIMITS RCPTMAX=2", 0, {2, 2, 1}, 1},
                                 {"LIMITS RCPTDOMAINMAX=1", 0, {3, 2}, 1},
                                 {"LIMITS RCPTDOMAINMAX=1 RCPTMAX=2", 0, {2, 2, 1}, 1},
                                 {"HELP", 3, {3, 2}, 1},
                                 {"LIMITS RCPTMAX=0", 0, {5}, 1}};
  for (const Row& row : rows) {
    INFO(row.extension << " " << row.refusesFrom);
    TwoHosts world;
    Behaviour behaviour = knowing(row.extension);
    behaviour.mostRecipients = row.refusesFrom;
    SmtpSink& sink = world.sink("127.0.0.2", behaviour);
    const ipc::DeliverOutcome outcome =
        world.send(World::message({"a@one.example", "b@two.example", "c@ONE.example", "d@one.example", "e@two.example"}));
    for (const ipc::RecipientOutcome& one : outcome.recipients) CHECK(one.state == RecipientState::delivered);
    std::vector<std::size_t> sizes;
    for (const SmtpSink::Message& message : sink.messages) sizes.push_back(message.to.size());
    CHECK(sizes == row.expected);
    CHECK(sink.connections == row.connections);
  }
}

TEST_CASE("a host gets no more messages over one connection than it says it takes") {
  TwoHosts world;
  SmtpSink& sink = world.sink("127.0.0.2", knowing("LIMITS MAILMAX=2"));
  for (int n = 0; n < 5; ++n) CHECK(world.sendOne(World::message({"b@rcpt.example"})).state == RecipientState::delivered);
  CHECK(sink.messages.size() == 5);
  CHECK(sink.connections == 3);
}

TEST_CASE("552 to a recipient after others were taken counts as 452, and in a transaction of its own as what it says (RFC 5321 4.5.3.1.10)") {
  for (const char* refusal : {"452 too many", "552 too many recipients", "552 5.5.3 too many recipients"}) {
    INFO(refusal);
    TwoHosts world;
    Behaviour behaviour;
    behaviour.mostRecipients = 2;
    behaviour.tooManyReply = refusal;
    SmtpSink& sink = world.sink("127.0.0.2", behaviour);
    const ipc::DeliverOutcome outcome = world.send(World::message({"a@rcpt.example", "b@rcpt.example", "c@rcpt.example", "d@rcpt.example", "e@rcpt.example"}));
    for (const ipc::RecipientOutcome& one : outcome.recipients) CHECK(one.state == RecipientState::delivered);
    CHECK(sink.messages.size() == 3);
    CHECK(sink.connections == 1);
  }
  struct Row {
    const char* reply;
    std::size_t transactions;
  };
  for (const Row& row : {Row{"552 mailbox full", 1}, Row{"552 5.2.2 mailbox full", 1}}) {
    INFO(row.reply);
    TwoHosts world;
    Behaviour behaviour;
    behaviour.rcptReplies = {{"full@rcpt.example", row.reply}};
    SmtpSink& sink = world.sink("127.0.0.2", behaviour);
    const ipc::DeliverOutcome outcome = world.send(World::message({"a@rcpt.example", "full@rcpt.example"}));
    CHECK(outcome.recipients[0].state == RecipientState::delivered);
    CHECK(outcome.recipients[1].state == RecipientState::failed);
    CHECK(sink.messages.size() == row.transactions);
  }
}

TEST_CASE("a 552 after others were taken waits, when then nobody's mail was taken") {
  TwoHosts world;
  Behaviour behaviour;
  behaviour.mostRecipients = 1;
  behaviour.tooManyReply = "552 too many recipients";
  behaviour.dataReply = "451 4.3.0 not now";
  world.sink("127.0.0.2", behaviour);
  const ipc::DeliverOutcome outcome = world.send(World::message({"a@rcpt.example", "b@rcpt.example"}));
  for (const ipc::RecipientOutcome& one : outcome.recipients) CHECK(one.state == RecipientState::deferred);
}

TEST_CASE("a reply without an enhanced code is handed on as it was said") {
  TwoHosts world;
  Behaviour behaviour;
  behaviour.rcptReplies = {{"b@rcpt.example", "554 no service"}};
  world.sink("127.0.0.2", behaviour);
  const ipc::RecipientOutcome one = world.sendOne(World::message({"b@rcpt.example"}));
  CHECK(one.state == RecipientState::failed);
  CHECK(one.reply.enhanced.empty());
  CHECK(one.reply.text == "no service");
}

}  // namespace ostler::out
