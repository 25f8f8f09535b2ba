// What a message becomes for a server that lacks an extension: SMTPUTF8, 8BITMIME, MT-PRIORITY.
#include <catch2/catch.hpp>

#include "tests/unit/queued/out/sender_world.h"

namespace ostler::out {
namespace {

using namespace std::chrono_literals;
using namespace test;

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

TEST_CASE("a header that came with octets above 127, and not with SMTPUTF8, has encoded-words for a server without 8BITMIME (RFC 6152 3)") {
  TwoHosts world;
  Behaviour old;
  old.eightBitMime = false;
  SmtpSink& first = world.sink("127.0.0.2", old);
  ipc::Deliver out = World::message({"b@rcpt.example"});
  out.hasEightBit = true;
  out.prefix = "From: Gr\xC3\xBC\xC3\x9F" "e <a@b.test>\r\nSubject: caf\xC3\xA9 plain\r\nX-Odd: \xE4\r\nTo: b@rcpt.example\r\n\r\nbody\r\n";
  CHECK(world.sendOne(out).state == RecipientState::delivered);
  const std::string& got = first.messages.at(0).content;
  INFO(got);
  CHECK(isAllAscii(got));
  CHECK(got.find("From: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?= <a@b.test>\r\nSubject: =?UTF-8?Q?caf=C3=A9_plain?=\r\nX-Odd: =?UTF-8?Q?=C3=A4?=\r\n"
                 "To: b@rcpt.example\r\n\r\nbody\r\n") != std::string::npos);
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
  CHECK(back.isOurWord);  // no server said so
}

TEST_CASE("what a server said is its word, what was missing in its EHLO is ours") {
  TwoHosts refused;
  Behaviour full;
  full.rcptReplies["b@rcpt.example"] = "550 5.1.1 nobody";
  refused.sink("127.0.0.2", full);
  CHECK_FALSE(refused.sendOne(World::message({"b@rcpt.example"})).isOurWord);
  TwoHosts small;
  Behaviour size;
  size.extensions = {"SIZE 10"};
  small.sink("127.0.0.2", size);
  const auto tooLarge = small.sendOne(World::message({"b@rcpt.example"}));
  CHECK(tooLarge.reply.enhanced == "5.3.4");
  CHECK(tooLarge.isOurWord);
}

TEST_CASE("RET goes on as it was said, HDRS as well as FULL, and not where nothing was said") {
  const std::vector<std::pair<ipc::Returned, std::string>> rows = {
      {ipc::Returned::notSaid, ""}, {ipc::Returned::full, "RET=FULL"}, {ipc::Returned::headers, "RET=HDRS"}};
  for (const auto& [returned, said] : rows) {
    INFO(said);
    TwoHosts world;
    Behaviour behaviour;
    behaviour.extensions = {"DSN"};
    SmtpSink& sink = world.sink("127.0.0.2", behaviour);
    ipc::Deliver request = World::message({"b@rcpt.example"});
    request.envelope.returned = returned;
    CHECK(world.sendOne(std::move(request)).state == RecipientState::delivered);
    const std::string& from = sink.messages.at(0).from;
    CHECK((from.find("RET=") == std::string::npos) == said.empty());
    CHECK(from.find(said) != std::string::npos);
  }
}

TEST_CASE("a reverse path that is none is not said to a server") {
  for (const char* const path : {"bad addr", "a@exa mple.test", "a> RET=FULL ENVID=<x"}) {
    INFO(path);
    TwoHosts world;
    SmtpSink& sink = world.sink("127.0.0.2");
    ipc::Deliver request = World::message({"b@rcpt.example"});
    request.envelope.reversePath = path;
    const auto outcome = world.sendOne(std::move(request));
    CHECK(outcome.reply.enhanced == "5.1.7");
    CHECK(sink.messages.empty());
  }
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

}  // namespace
}  // namespace ostler::out
