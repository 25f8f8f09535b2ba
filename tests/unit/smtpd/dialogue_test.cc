// Plays tests/dialogues/smtp/*.dlg against a session. A dialogue reads like a log of the wire:
//   kind: mx | submission | lmtp | odmr   which listener (mx if not said)
//   set: limits.errors 20                 a setting of the virtual server, as in a configuration file; the client is 192.0.2.7
//   set: spool-away | commit-lost | commit-gone | auth-restart | knows-addresses | client-name NAME   how the rest of the suite is
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
#include "libmailcore/config/reader.h"
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

/// How the spool and auth behind the session are.
const std::map<std::string, void (*)(FakePolicy&, const std::string&)> kCircumstances = {
    {"spool-away", [](FakePolicy& p, const std::string&) { p.spoolAway = true; }},
    {"auth-restart", [](FakePolicy& p, const std::string&) { ++p.generation; }},
    {"commit-lost", [](FakePolicy& p, const std::string&) { p.commitFault = FakePolicy::CommitFault::lostButThere; }},
    {"commit-gone", [](FakePolicy& p, const std::string&) { p.commitFault = FakePolicy::CommitFault::lostAndGone; }},
    {"knows-addresses", [](FakePolicy& p, const std::string&) { p.tellsAddresses = true; }},
    {"client-name", [](FakePolicy& p, const std::string& name) { p.clientName = name; }},
};

/// The settings said so far, read as those of a file are.
class Settings {
 public:
  void add(const std::string& key, const std::string& value) {
    std::string yaml = value.empty() ? "true" : value;
    for (const std::string_view section : split(key, '.')) path_.emplace_back(section);
    for (; !path_.empty(); path_.pop_back()) yaml = "{" + path_.back() + ": " + yaml + "}";
    config::merge(said_, config::parseYaml("smtp: " + yaml, "the dialogue", problems_));
  }
  config::VirtualServer server() {
    config::Config config;
    config::readConfig(said_, "/", config, problems_);
    for (const config::Problem& problem : problems_) FAIL(config::toText(problem));
    return config.virtualServers.front();
  }

 private:
  config::Node said_{config::Node::Kind::map, {}, {}, {}, {}};
  std::vector<std::string> path_;
  std::vector<config::Problem> problems_;
};

void configure(Stage& stage, Settings& settings, const std::string& key, const std::string& value) {
  if (key == "kind") {
    stage.plan.listener.kind = value == "lmtp"         ? config::SmtpKind::lmtp
                               : value == "submission" ? config::SmtpKind::submission
                               : value == "odmr"       ? config::SmtpKind::odmr
                                                       : config::SmtpKind::mx;
    return;
  }
  const std::size_t blank = std::min(value.find(' '), value.size());
  const std::string what = value.substr(0, blank);
  const std::string to(trim(value.substr(blank)));
  if (const auto found = kCircumstances.find(what); found != kCircumstances.end()) return found->second(stage.policy, to);
  settings.add(what, to);
  stage.server() = settings.server();
}

struct Line {
  std::string kind;
  std::string text;
  std::size_t number = 0;
};

// Returns what went wrong, or nothing.
Task<std::string> play(Stage& stage, Settings& settings, Caller& caller, const std::vector<Line>& lines) {
  std::optional<smtp::Reply> last;
  const bool looksAtGreeting = !lines.empty() && lines.front().kind == "G:";
  if (!looksAtGreeting) last = co_await caller.reply();
  if (!looksAtGreeting && (!last || last->code != 220)) co_return mustBe("no greeting");
  for (const Line& line : lines) {
    const std::string where = " (line " + std::to_string(line.number) + ": " + line.text + ")";
    if (line.kind == "C:") co_await caller.send(line.text + "\r\n");
    if (line.kind == "R:") co_await caller.send(unescape(line.text));
    if (line.kind == "set:") configure(stage, settings, "set", line.text);
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
  Settings settings;
  std::ifstream file(path);
  std::vector<Line> lines;
  std::size_t number = 0;
  for (std::string text; std::getline(file, text);) {
    ++number;
    if (text.empty() || text.front() == '#') continue;
    const std::size_t space = text.find(' ');
    const Line line{text.substr(0, space), space == std::string::npos ? "" : text.substr(space + 1), number};
    if (line.kind == "kind:" || (line.kind == "set:" && lines.empty())) {
      configure(stage, settings, line.kind.substr(0, line.kind.size() - 1), line.text);
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
  return stage.loop.runUntilDone(play(stage, settings, caller, lines));
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
