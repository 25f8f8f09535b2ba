// log.cc - ostler log TERM: one message's way through all daemons. Reads what was logged, in files or in the journal.
#include <sysexits.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

#include <fmt/format.h>

#include "libmailcore/base/ascii.h"
#include "queued/tools/common.h"

namespace ostler::tools {
namespace {

namespace fs = std::filesystem;
using OnLine = std::function<void(const std::string&)>;

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

/// The log's files, oldest first: what `log.file` names now, and what it named before (rotated, or of other days).
std::vector<fs::path> filesOf(const std::string& pattern) {
  const fs::path path = pattern;
  const std::string name = path.filename().string();
  const std::string stem = name.substr(0, name.find('%'));
  std::vector<fs::path> files;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(path.parent_path(), none)) {
    const std::string found = entry.path().filename().string();
    if (entry.is_regular_file(none) && found.starts_with(stem) && !found.ends_with(".gz")) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end(), [&none](const fs::path& a, const fs::path& b) {
    return fs::last_write_time(a, none) < fs::last_write_time(b, none);
  });
  return files;
}

struct ClosePipe {
  void operator()(std::FILE* pipe) const { ::pclose(pipe); }
};

void readJournal(const OnLine& each) {
  constexpr const char* kLine =
      "journalctl --quiet --no-pager --output=short-iso-precise -t smtpd -t pop3d -t imapd -t queued/spool -t queued/out "
      "-t queued/auth";
  const std::unique_ptr<std::FILE, ClosePipe> pipe(::popen(kLine, "r"));
  if (!pipe) return;
  std::string line;
  for (int c = std::fgetc(pipe.get()); c != EOF; c = std::fgetc(pipe.get())) {
    if (c != '\n') {
      line += static_cast<char>(c);
      continue;
    }
    each(line);
    line.clear();
  }
}

void readAll(const std::vector<fs::path>& files, const OnLine& each) {
  if (files.empty()) return readJournal(each);
  for (const fs::path& file : files) {
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) each(line);
  }
}

/// Three readings: which messages are meant; which sessions brought them; all lines of either.
std::uint64_t follow(const std::vector<fs::path>& files, const std::string& term) {
  const std::string wanted = asciiLower(term);
  std::set<std::string> messages;
  std::set<std::string> sessions;
  const auto isNamed = [&wanted](const std::string& line) { return asciiLower(line).find(wanted) != std::string::npos; };
  readAll(files, [&](const std::string& line) {
    if (!isNamed(line)) return;
    if (const std::string id = idIn(line, "id"); !id.empty()) messages.insert(id);
  });
  readAll(files, [&](const std::string& line) {
    if (!messages.contains(idIn(line, "id"))) return;
    if (const std::string session = idIn(line, "session"); !session.empty()) sessions.insert(session);
  });
  std::uint64_t shown = 0;
  readAll(files, [&](const std::string& line) {
    const std::string id = idIn(line, "id");
    const bool ofSession = id.empty() && sessions.contains(idIn(line, "session"));
    if (!messages.contains(id) && !ofSession && !isNamed(line)) return;
    fmt::print("{}\n", printable(line, 8192));
    ++shown;
  });
  return shown;
}

}  // namespace

int log(const Call& call) {
  CommonOptions options;
  std::string term;
  std::string file;
  CLI::App app(
      "Follows a message through all daemons: every line about it, and about the sessions that brought it. Exit status 0 "
      "when there is any, else 1.");
  addConfigOption(app, options);
  app.add_option("term", term, "a queue id, a Message-ID, an address, or a session's id")->required();
  app.add_option("--file", file, "read this file, and what was rotated away beside it; default: log.file, else the journal");
  if (const auto status = parse(app, call)) return *status;
  if (file.empty()) {
    const auto config = loadConfig(options);
    if (!config) return EX_CONFIG;
    if (config->log.target == config::LogSettings::Target::file) file = config->log.file;
  }
  std::vector<fs::path> files;
  if (!file.empty()) {
    files = filesOf(fs::absolute(file).string());
    if (files.empty()) {
      fmt::print(stderr, "{}: there is no log file {}\n", call.name, file);
      return EX_NOINPUT;
    }
  }
  return follow(files, term) > 0 ? EX_OK : 1;
}

}  // namespace ostler::tools
