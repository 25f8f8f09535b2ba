#include "queued/tools/log_lines.h"

#include <algorithm>
#include <cstdio>
#include <deque>
#include <fstream>
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

void readJournal(const std::string& options, const OnLine& each) {
  const std::string line = fmt::format("journalctl --quiet --no-pager --output=short-iso-precise {} {} 2>/dev/null", options, kOurs);
  const std::unique_ptr<std::FILE, ClosePipe> pipe(::popen(line.c_str(), "r"));
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

/// "TIME error PROGRAM ..." or a JSON line; see libmailcore/log/format.h.
bool tellsError(const std::string& line) {
  const std::size_t blank = line.find(' ');
  return (blank != std::string::npos && line.compare(blank, 7, " error ") == 0) || line.find("\"level\":\"error\"") != std::string::npos;
}

}  // namespace

std::vector<fs::path> logFiles(const std::string& pattern) {
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

void readLog(const std::vector<fs::path>& files, const OnLine& each) {
  if (files.empty()) return readJournal("", each);
  for (const fs::path& file : files) {
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) each(line);
  }
}

std::vector<std::string> lastErrors(const config::LogSettings& settings, std::size_t most) {
  std::deque<std::string> found;
  const auto keep = [&](const std::string& line) {
    found.push_back(line);
    if (found.size() > most) found.pop_front();
  };
  using Target = config::LogSettings::Target;
  if (settings.target == Target::journald || settings.target == Target::syslog) readJournal(fmt::format("-p err -n {}", most), keep);
  const std::vector<fs::path> files = settings.target == Target::file ? logFiles(settings.file) : std::vector<fs::path>();
  if (!files.empty()) {
    std::ifstream in(files.back(), std::ios::ate);
    const std::streamoff size = in.tellg();
    in.seekg(std::max<std::streamoff>(0, size - kTail));
    for (std::string line; std::getline(in, line);) {
      if (tellsError(line)) keep(line);
    }
  }
  return {found.begin(), found.end()};
}

}  // namespace ostler::tools
