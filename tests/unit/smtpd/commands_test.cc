// Walks the table of commands: each verb in each state, on each kind of listener.
#include "smtpd/commands.h"

#include <catch2/catch.hpp>

#include "tests/unit/smtpd/stage.h"

namespace ostler::smtpd {
namespace {

// A line of that verb that is right in itself.
std::string lineOf(std::string_view verb) {
  if (verb == "EHLO" || verb == "HELO" || verb == "LHLO") return std::string(verb) + " x.example";
  if (verb == "MAIL") return "MAIL FROM:<a@b.example>";
  if (verb == "RCPT") return "RCPT TO:<alice@example.test>";
  if (verb == "BDAT") return "BDAT 0";
  if (verb == "AUTH") return "AUTH PLAIN AGFsaWNlAHNlY3JldA==";
  if (verb == "VRFY" || verb == "EXPN") return std::string(verb) + " alice";
  if (verb == "ETRN") return "ETRN example.test";
  if (verb == "XCLIENT" || verb == "XFORWARD") return std::string(verb) + " NAME=x.example";
  return std::string(verb);
}

std::vector<std::string> wayTo(unsigned state, bool lmtp) {
  std::vector<std::string> lines;
  if (state >= Session::greeted) lines.emplace_back(lmtp ? "LHLO x.example" : "EHLO x.example");
  if (state >= Session::mailOpen) lines.push_back(lineOf("MAIL"));
  if (state >= Session::rcptOpen) lines.push_back(lineOf("RCPT"));
  if (state >= Session::bdatOpen) lines.push_back(lineOf("BDAT"));
  return lines;
}

Task<int> codeOf(Caller& caller, std::vector<std::string> way, std::string line) {
  std::optional<smtp::Reply> reply = co_await caller.reply();
  for (const std::string& step : way) {
    std::optional<smtp::Reply> passed = co_await caller.ask(step);
    if (!passed || !passed->isPositive()) co_return -1;
  }
  std::optional<smtp::Reply> last = co_await caller.ask(line);
  co_return last ? last->code : -2;
}

int tryOut(config::SmtpKind kind, unsigned state, const std::string& line) {
  Stage stage;
  stage.plan.listener.kind = kind;
  stage.allowPlaintext();
  auto [server, client] = net::MemoryStream::makePair(stage.loop);
  Session session(stage.around, stage.arrival(std::move(server)));
  TaskScope scope(stage.loop);
  scope.spawn(session.run());
  Caller caller(stage.loop, std::move(client));
  return stage.loop.runUntilDone(codeOf(caller, wayTo(state, kind == config::SmtpKind::lmtp), line));
}

TEST_CASE("each command is 503 where the table does not allow it, and something else where it does") {
  for (const auto kind : {config::SmtpKind::mx, config::SmtpKind::lmtp}) {
    for (const unsigned state : {1U, 2U, 4U, 8U, 16U}) {
      for (const Command& command : Commands::kTable) {
        CAPTURE(command.verb, state, static_cast<int>(kind));
        const int code = tryOut(kind, state, lineOf(command.verb));
        const bool spoken = Commands::find(command.verb, kind) != nullptr;
        if (!spoken) {
          CHECK(code == 500);
        } else if (command.needs == Needs::clearText) {
          CHECK(code == 502);  // there is no certificate on this stage
        } else if (command.needs == Needs::trust) {
          CHECK(code == 550);
        } else {
          CHECK((code == 503) == ((command.legalIn & state) == 0));
          CHECK(code > 0);
        }
      }
    }
  }
}

TEST_CASE("on a submission listener MAIL needs an identity first") {
  CHECK(tryOut(config::SmtpKind::submission, Session::greeted, lineOf("MAIL")) == 530);
}

TEST_CASE("every row of the table names the RFC it is written in") {
  for (const Command& command : Commands::kTable) {
    CAPTURE(command.verb);
    const bool isPostfix = command.writtenIn.starts_with("Postfix's ") && command.needs == Needs::trust;
    CHECK((isPostfix || command.writtenIn.starts_with("RFC ")));
  }
}

}  // namespace
}  // namespace ostler::smtpd
