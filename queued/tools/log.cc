// log.cc - ostler log TERM: one message's way through all daemons; ostler log --postfix: the log in Postfix's words. Reads what was logged,
// in files or in the journal.
#include <sysexits.h>

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "libmailcore/base/ascii.h"
#include "libmailcore/log/parsed_line.h"
#include "libmailcore/log/postfix_lines.h"
#include "queued/tools/common.h"
#include "queued/tools/log_lines.h"

namespace ostler::tools {
namespace {

constexpr std::size_t kIdLength = 26;  // Id128::text()

/// The id behind `key` in a line of text (id=...) or JSON ("id":"..."); empty: none.
std::string idIn(const std::string& line, std::string_view key) {
  for (const std::string& lead : {" " + std::string(key) + "=", "\"" + std::string(key) + "\":\""}) {
    const std::size_t at = line.find(lead);
    if (at == std::string::npos) continue;
    const std::string id = line.substr(at + lead.size(), kIdLength);
    if (id.size() == kIdLength && std::all_of(id.begin(), id.end(), isAsciiAlnum)) return id;
  }
  return {};
}

/// Which message a line is about. Role out has the id behind another key: it tells of transactions, and the spool of the message.
std::string messageIn(const std::string& line) {
  std::string id = idIn(line, "id");
  return id.empty() ? idIn(line, "message") : id;
}

/// "a@b" of "<A@B>".
std::string bare(std::string_view value) {
  if (value.starts_with('<') && value.ends_with('>')) value = value.substr(1, value.size() - 2);
  return asciiLower(value);
}

/// Is one of the line's values the term? Whole: who asks for ann@ is not told of joann@, nor of what a stranger wrote into a Message-ID.
bool names(const std::string& line, const std::string& term) {
  if (asciiLower(line).find(term) == std::string::npos) return false;  // nearly all
  const std::size_t json = line.find("]: {");  // of the journal
  const auto parsed = log::parseLine(json == std::string::npos ? std::string_view(line) : std::string_view(line).substr(json + 3));
  return parsed && std::ranges::any_of(parsed->fields, [&term](const auto& field) { return bare(field.second) == term; });
}

using Show = std::function<void(const std::string& line)>;

/// The lines that are wanted, in the order of time.
void readInOrder(const LogPlaces& places, const std::function<bool(const std::string& line)>& isWanted, const Show& show) {
  std::multimap<std::string, std::string> inOrder;  // equal times stay as they were read
  readLog(places, [&](const std::string& line) {
    if (!isWanted(line)) return;
    if (places.isOne()) return show(line);
    inOrder.emplace(timeOf(line), line);
  });
  for (const auto& [time, line] : inOrder) show(line);
}

/// Three readings: which messages are meant; which sessions brought them; all lines of either, in the order of time.
std::uint64_t follow(const LogPlaces& places, const std::string& term, const Show& show) {
  const std::string wanted = bare(term);
  std::set<std::string> messages;
  std::set<std::string> sessions;
  const auto isNamed = [&wanted](const std::string& line) { return names(line, wanted); };
  readLog(places, [&](const std::string& line) {
    if (!isNamed(line)) return;
    if (const std::string id = messageIn(line); !id.empty()) messages.insert(id);
  });
  readLog(places, [&](const std::string& line) {
    if (!messages.contains(messageIn(line))) return;
    if (const std::string session = idIn(line, "session"); !session.empty()) sessions.insert(session);
  });
  std::uint64_t count = 0;
  const auto isAsked = [&](const std::string& line) {
    const std::string id = messageIn(line);
    const bool ofSession = id.empty() && sessions.contains(idIn(line, "session"));
    const bool asked = messages.contains(id) || ofSession || isNamed(line);
    count += asked ? 1 : 0;
    return asked;
  };
  readInOrder(places, isAsked, show);
  return count;
}

}  // namespace

int log(const Call& call) {
  CommonOptions options;
  std::string term;
  std::string file;
  bool asPostfix = false;
  CLI::App app(
      "Follows a message through all daemons: every line about it, and about the sessions that brought it. Exit status 0 "
      "when there is any, else 1. With --postfix what Postfix would have said, for tools that read its log: ostler log --postfix | pflogsumm");
  addConfigOption(app, options);
  app.add_option("term", term, "a queue id, a Message-ID, an address, or a session's id; may be left out with --postfix");
  app.add_flag("--postfix", asPostfix, "write lines as Postfix does, and only those it has");
  app.add_option("--file", file, "read this file, and what was rotated away beside it; default: wherever the configuration has lines written");
  if (const auto status = parse(app, call)) return *status;
  if (term.empty() && !asPostfix) {
    fmt::print(stderr, "{}: say which message: a queue id, a Message-ID, an address, or a session's id\n", call.name);
    return EX_USAGE;
  }
  LogPlaces places;
  std::string elsewhere;  // the server that has the lines
  if (file.empty()) {
    const auto config = loadConfig(options);
    if (!config) return EX_CONFIG;
    places = logPlaces(config->log);
    file = config->log.file;
    if (config->log.target == config::LogTarget::syslog && config->log.syslogServer != net::Endpoint{}) elsewhere = config->log.syslogServer.text();
  } else {
    places = logPlaces(file);
  }
  if (places.logs.empty() && !places.journal) {
    fmt::print(stderr, "{}: there is no log file {}\n", call.name, file);
    return EX_NOINPUT;
  }
  const auto asWritten = [](const std::string& line) { fmt::print("{}\n", printable(line, 8192)); };
  const auto inPostfixWords = [](const std::string& line) { fmt::print("{}", log::toPostfix(line, "localhost")); };
  const Show show = asPostfix ? Show(inPostfixWords) : Show(asWritten);
  if (!term.empty()) {
    if (follow(places, term, show) > 0) return EX_OK;
    if (!elsewhere.empty()) fmt::print(stderr, "{}: the lines are sent to {}; with --file a file is read that has them\n", call.name, elsewhere);
    return 1;
  }
  readInOrder(places, [](const std::string&) { return true; }, show);
  return EX_OK;
}

}  // namespace ostler::tools
