// Plays tests/dialogues/smtp/*.dlg against a session. A dialogue reads like a log of the wire:
//   kind: mx | submission | lmtp | odmr   which listener (mx if not said)
//   set: plaintext | size N | recipients N | errors N | messages N | hops N | auth-restart
//   set: auth-required | tls-required | closed | vrfy | expn | no-etrn | etrn-rate N | message-rate N | recipient-rate N
//   set: unknown N | session N | exempt | listed | shut-out | only-others | trusted | default-domain | check-helo | names WORD
//   set: spool-away | commit-lost | commit-gone   a fault of the spool
//   C: text    the client sends the line with CRLF
//   R: text    the client sends it as it is, with \r \n \0 \t \\ \xHH
//   S: text    the next reply starts so: code, enhanced code, text
//   G: text    as S:, of the greeting itself; where the first line is none, the greeting must be 220
//   S~ text    the last reply has it somewhere       S! text  has it not
//   M: text    the message accepted last, as the client meant it       H: text  its content has this somewhere
//   N: number  so many messages were accepted
//   X:         the server closed the connection
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "libmailcore/base/ascii.h"
#include "tests/unit/smtpd/stage.h"

namespace ostler::smtpd {
namespace {

std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\' || at + 1 == text.size()) {
      out += text[at];
      continue;
    }
    const char c = text[++at];
    if (c == 'x' && at + 2 < text.size()) {
      out += fromHex(text.substr(at + 1, 2)).value_or("?");
      at += 2;
    } else {
      out += c == 'r' ? '\r' : c == 'n' ? '\n' : c == '0' ? '\0' : c == 't' ? '\t' : c;
    }
  }
  return out;
}

std::string mustBe(const std::string& what) {
  return what;
}

std::vector<net::Cidr> just(const char* network) {
  return {net::Cidr::parse(network).value()};
}

// The client of the stage is 192.0.2.7.
const std::map<std::string, void (*)(Stage&, std::uint64_t)> kSettings = {
    {"auth-required", [](Stage& s, std::uint64_t) { s.server().authRequired = true; }},
    {"tls-required", [](Stage& s, std::uint64_t) { s.server().tlsRequired = true; }},
    {"closed", [](Stage& s, std::uint64_t) { s.server().closed = true; }},
    {"vrfy", [](Stage& s, std::uint64_t) { s.server().vrfy = config::Askers::everybody, s.policy.tellsAddresses = true; }},
    {"vrfy-listed", [](Stage& s, std::uint64_t) { s.server().vrfy = config::Askers::listed, s.policy.tellsAddresses = true; }},
    {"expn", [](Stage& s, std::uint64_t) { s.server().expn = config::Askers::authenticated; }},
    {"no-etrn", [](Stage& s, std::uint64_t) { s.server().etrn = config::Askers::nobody; }},
    {"etrn-rate", [](Stage& s, std::uint64_t n) { s.server().rates.etrn = n; }},
    {"message-rate", [](Stage& s, std::uint64_t n) { s.server().rates.messages = n; }},
    {"network-rate", [](Stage& s, std::uint64_t n) { s.server().rates.networkMessages = n; }},
    {"recipient-rate", [](Stage& s, std::uint64_t n) { s.server().rates.recipients = n; }},
    {"unknown", [](Stage& s, std::uint64_t n) { s.server().limits.unknownRecipients = n; }},
    {"session", [](Stage& s, std::uint64_t n) { s.server().limits.sessionSize = {n}; }},
    {"exempt", [](Stage& s, std::uint64_t) { s.server().limits.exempt = just("192.0.2.0/24"); }},
    {"listed", [](Stage& s, std::uint64_t) { s.server().relayFrom = just("192.0.2.7/32"); }},
    {"shut-out", [](Stage& s, std::uint64_t) { s.server().accessExcept.networks = just("192.0.2.0/24"); }},
    {"only-others", [](Stage& s, std::uint64_t) { s.server().accessOnly.networks = just("198.51.100.0/24"); }},
    {"only-us", [](Stage& s, std::uint64_t) { s.server().accessOnly.networks = just("192.0.2.0/24"); }},
    {"trusted", [](Stage& s, std::uint64_t) { s.server().xclientFrom = s.server().xforwardFrom = just("192.0.2.7/32"); }},
    {"default-domain", [](Stage& s, std::uint64_t) { s.server().defaultDomain = "example.test"; }},
    {"check-helo", [](Stage& s, std::uint64_t) { s.server().checkHelo = true; }},
    {"hold", [](Stage& s, std::uint64_t n) { s.server().limits.futureRelease = std::chrono::seconds(n); }},
};

void configure(Stage& stage, const std::string& key, const std::string& value) {
  std::istringstream words(value);
  std::string what;
  std::uint64_t number = 0;
  words >> what >> number;
  config::SmtpLimits& limits = stage.server().limits;
  if (key == "kind") {
    stage.plan.listener.kind = value == "lmtp"         ? config::SmtpKind::lmtp
                               : value == "submission" ? config::SmtpKind::submission
                               : value == "odmr"       ? config::SmtpKind::odmr
                                                       : config::SmtpKind::mx;
  } else if (what == "plaintext") {
    stage.allowPlaintext();
  } else if (what == "size") {
    limits.messageSize = {number};
  } else if (what == "recipients") {
    limits.recipients = number;
  } else if (what == "errors") {
    limits.errors = number;
  } else if (what == "messages") {
    limits.messagesPerConnection = number;
  } else if (what == "hops") {
    limits.hops = static_cast<unsigned>(number);
  } else if (const auto setting = kSettings.find(what); setting != kSettings.end()) {
    setting->second(stage, number);
  } else if (what == "names") {
    words.clear();
    stage.policy.clientName = value.substr(6);
    stage.server().checkReverseDns = true;
  } else if (what == "spool-away") {
    stage.policy.spoolAway = true;
  } else if (what == "auth-restart") {
    ++stage.policy.generation;
  } else if (what == "commit-lost") {
    stage.policy.commitFault = FakePolicy::CommitFault::lostButThere;
  } else if (what == "commit-gone") {
    stage.policy.commitFault = FakePolicy::CommitFault::lostAndGone;
  } else {
    FAIL("unknown setting " << value);
  }
}

struct Line {
  std::string kind;
  std::string text;
  std::size_t number = 0;
};

// Returns what went wrong, or nothing.
Task<std::string> play(Stage& stage, Caller& caller, const std::vector<Line>& lines) {
  std::optional<smtp::Reply> last;
  const bool looksAtGreeting = !lines.empty() && lines.front().kind == "G:";
  if (!looksAtGreeting) last = co_await caller.reply();
  if (!looksAtGreeting && (!last || last->code != 220)) co_return mustBe("no greeting");
  for (const Line& line : lines) {
    const std::string where = " (line " + std::to_string(line.number) + ": " + line.text + ")";
    if (line.kind == "C:") co_await caller.send(line.text + "\r\n");
    if (line.kind == "R:") co_await caller.send(unescape(line.text));
    if (line.kind == "set:") configure(stage, "set", line.text);
    if (line.kind == "S:" || line.kind == "G:") {
      last = co_await caller.reply();
      if (!last) co_return "the connection was closed" + where;
      if (!last->oneLine().starts_with(line.text)) co_return "got: " + last->oneLine() + where;
    }
    if (line.kind == "S~" && last->oneLine().find(line.text) == std::string::npos)
      co_return "got: " + last->oneLine() + where;
    if (line.kind == "S!" && last->oneLine().find(line.text) != std::string::npos)
      co_return "got: " + last->oneLine() + where;
    if (line.kind == "X:") {
      const auto more = co_await caller.reply();
      if (more) co_return "not closed, but: " + more->oneLine() + where;
    }
    const auto& accepted = stage.policy.accepted;
    if (line.kind == "N:" && std::to_string(accepted.size()) != line.text)
      co_return std::to_string(accepted.size()) + " messages" + where;
    if ((line.kind == "M:" || line.kind == "H:") && accepted.empty()) co_return "no message" + where;
    if (line.kind == "M:" && !accepted.back().content.ends_with("\r\n" + unescape(line.text)))
      co_return accepted.back().content + where;
    if (line.kind == "M:" && accepted.back().asSent() != unescape(line.text)) co_return accepted.back().content + where;
    if (line.kind == "H:" && accepted.back().content.find(unescape(line.text)) == std::string::npos)
      co_return accepted.back().content + where;
  }
  co_return std::string();
}

std::string playFile(const std::filesystem::path& path) {
  Stage stage;
  std::ifstream file(path);
  std::vector<Line> lines;
  std::size_t number = 0;
  for (std::string text; std::getline(file, text);) {
    ++number;
    if (text.empty() || text.front() == '#') continue;
    const std::size_t space = text.find(' ');
    const Line line{text.substr(0, space), space == std::string::npos ? "" : text.substr(space + 1), number};
    if (line.kind == "kind:" || (line.kind == "set:" && lines.empty())) {
      configure(stage, line.kind.substr(0, line.kind.size() - 1), line.text);
    } else {
      REQUIRE_THAT(line.kind, Catch::Matches("[CRSGMHNX]:|S~|S!|set:"));
      lines.push_back(line);
    }
  }
  auto [server, client] = net::MemoryStream::makePair(stage.loop);
  Session session(stage.around, stage.arrival(std::move(server)));
  TaskScope scope(stage.loop);
  scope.spawn(session.run());
  Caller caller(stage.loop, std::move(client));
  return stage.loop.runUntilDone(play(stage, caller, lines));
}

TEST_CASE("every dialogue of tests/dialogues/smtp goes as it is written") {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("tests/dialogues/smtp")) {
    if (entry.path().extension() != ".dlg") continue;
    ++count;
    INFO(entry.path().filename().string());
    CHECK(playFile(entry.path()) == "");
  }
  CHECK(count >= 20);
}

}  // namespace
}  // namespace ostler::smtpd
