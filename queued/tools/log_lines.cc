#include "queued/tools/log_lines.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>

#include <fmt/format.h>

namespace ostler::tools {
namespace {

namespace fs = std::filesystem;

constexpr std::streamoff kTail = 1 << 20;  ///< octets of a file that are looked through for errors
constexpr const char* kOurs = "-t smtpd -t pop3d -t imapd -t queued/spool -t queued/out -t queued/auth -t queued/health -t ostler";

struct ClosePipe {
  void operator()(std::FILE* pipe) const { ::pclose(pipe); }
};

/// Each line that a command of the shell says.
void readCommand(const std::string& command, const OnLine& each) {
  const std::unique_ptr<std::FILE, ClosePipe> pipe(::popen(command.c_str(), "r"));
  if (!pipe) return;
  std::string text;
  for (int c = std::fgetc(pipe.get()); c != EOF; c = std::fgetc(pipe.get())) {
    if (c != '\n') {
      text += static_cast<char>(c);
      continue;
    }
    each(text);
    text.clear();
  }
}

void readJournal(const std::string& options, const OnLine& each) {
  readCommand(fmt::format("journalctl --quiet --no-pager --utc --output=short-iso-precise {} {} 2>/dev/null", options, kOurs), each);
}

/// As one word of the shell.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

bool isCompressed(const fs::path& file) { return file.extension() == ".gz"; }

/// logrotate compresses what is older than a rotation or two.
void readFile(const fs::path& file, const OnLine& each) {
  if (isCompressed(file)) return readCommand("gzip -cd < " + quoted(file.string()), each);
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) each(line);
}

/// "TIME error PROGRAM ..." or a JSON line; see libmailcore/log/format.h.
bool tellsError(const std::string& line) {
  const std::size_t blank = line.find(' ');
  return (blank != std::string::npos && line.compare(blank, 7, " error ") == 0) || line.find("\"level\":\"error\"") != std::string::npos;
}

std::vector<fs::path> logFiles(const std::string& pattern) {
  const fs::path path = pattern;
  const std::string name = path.filename().string();
  const std::string stem = name.substr(0, name.find('%'));
  std::vector<fs::path> files;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(path.parent_path(), none)) {
    const std::string found = entry.path().filename().string();
    if (entry.is_regular_file(none) && found.starts_with(stem)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end(), [&none](const fs::path& a, const fs::path& b) {
    return fs::last_write_time(a, none) < fs::last_write_time(b, none);
  });
  return files;
}

void addLog(LogPlaces& places, const std::string& pattern) {
  std::vector<fs::path> files = logFiles(pattern);
  if (!files.empty() && std::ranges::find(places.logs, files) == places.logs.end()) places.logs.push_back(std::move(files));
}

/// The newest file's.
void readEnd(const std::vector<fs::path>& files, const OnLine& each) {
  const auto newest = std::find_if_not(files.rbegin(), files.rend(), isCompressed);
  if (newest == files.rend()) return;
  std::ifstream in(*newest, std::ios::ate);
  const std::streamoff size = in.tellg();
  in.seekg(std::max<std::streamoff>(0, size - kTail));
  for (std::string line; std::getline(in, line);) each(line);
}

}  // namespace

LogPlaces logPlaces(const std::string& pattern) {
  LogPlaces places;
  addLog(places, fs::absolute(pattern).string());
  return places;
}

LogPlaces logPlaces(const config::LogSettings& settings) {
  using Target = config::LogTarget;
  LogPlaces places;
  if (settings.target == Target::file) addLog(places, settings.file);
  places.journal = settings.target != Target::file && settings.target != Target::nothing;
  for (const config::LogRule& rule : settings.rules) {
    if (rule.target == Target::file) addLog(places, rule.file);
    places.journal = places.journal || (rule.target != Target::file && rule.target != Target::nothing && rule.target != Target::same);
  }
  return places;
}

void readLog(const LogPlaces& places, const OnLine& each) {
  for (const std::vector<fs::path>& files : places.logs) {
    for (const fs::path& file : files) readFile(file, each);
  }
  if (places.journal) readJournal("", each);
}

std::string_view timeOf(std::string_view line) {
  const std::string_view json = "{\"time\":\"";
  if (line.starts_with(json)) line.remove_prefix(json.size());
  return line.substr(0, std::string_view("2026-01-01T00:00:00.000").size());
}

std::vector<std::string> lastErrors(const config::LogSettings& settings, std::size_t most) {
  std::multimap<std::string, std::string> inOrder;
  const auto keep = [&](const std::string& line) {
    inOrder.emplace(timeOf(line), line);
    if (inOrder.size() > most) inOrder.erase(inOrder.begin());
  };
  const LogPlaces places = logPlaces(settings);
  for (const std::vector<fs::path>& files : places.logs) {
    readEnd(files, [&](const std::string& line) {
      if (tellsError(line)) keep(line);
    });
  }
  if (places.journal) readJournal(fmt::format("-p err -n {}", most), keep);
  std::vector<std::string> found;
  for (auto& [time, line] : inOrder) found.push_back(std::move(line));
  return found;
}

}  // namespace ostler::tools
