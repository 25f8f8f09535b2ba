#include "libmailcore/store/exchange.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

namespace ostler::store {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::pair<char, std::uint64_t>, 5> kMaildirFlags = {
    {{'D', Flags::kDraft}, {'F', Flags::kFlagged}, {'R', Flags::kAnswered}, {'S', Flags::kSeen}, {'T', Flags::kDeleted}}};

std::optional<std::string> contentOf(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (!in) return std::nullopt;
  if (in.peek() != std::ifstream::traits_type::eof()) text << in.rdbuf();
  return std::move(text).str();
}

std::vector<fs::path> entriesOf(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) entries.push_back(entry.path());
  std::sort(entries.begin(), entries.end());
  return entries;
}

Result<void> readOneFolder(const fs::path& path, const std::string& name, const EachForeign& each) {
  for (const char* part : {"cur", "new"}) {
    for (const fs::path& file : entriesOf(path / part)) {
      struct stat info{};
      if (::stat(file.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
      const auto text = contentOf(file);
      if (!text) return fail(Error::Kind::temporary, "cannot read " + file.string());
      const Result<void> taken = each({name, withCrlf(*text), maildirFlags(file.filename().string()), info.st_mtime});
      if (!taken) return taken;
    }
  }
  return {};
}

bool isMaildir(const fs::path& path) { return fs::is_directory(path / "cur") || fs::is_directory(path / "new"); }

bool isFromLine(std::string_view line) { return line.starts_with("From "); }

// mboxrd: a line of one or more '>' before "From " lost one of them.
std::string_view unquoted(std::string_view line) {
  const std::size_t quotes = std::min(line.find_first_not_of('>'), line.size());
  return quotes > 0 && isFromLine(line.substr(quotes)) ? line.substr(1) : line;
}

// "From sender Sat Nov 21 22:20:08 2026"; now when it cannot be read.
std::int64_t dateOf(std::string_view fromLine) {
  const std::size_t sender = fromLine.find(' ', 5);
  std::tm parts{};
  const std::string text(sender == std::string_view::npos ? "" : fromLine.substr(sender + 1));
  if (::strptime(text.c_str(), " %a %b %d %H:%M:%S %Y", &parts) == nullptr) return std::time(nullptr);
  return ::timegm(&parts);
}

}  // namespace

Result<void> readMaildir(const std::string& path, const EachForeign& each) {
  if (!isMaildir(path)) return fail(Error::Kind::notFound, path + " is no Maildir: it has no folder cur or new");
  Result<void> read = readOneFolder(path, "", each);
  for (const fs::path& folder : entriesOf(path)) {
    std::string name = folder.filename().string();
    if (!read || name.size() < 2 || name[0] != '.' || !isMaildir(folder)) continue;
    name.erase(0, 1);
    std::replace(name.begin(), name.end(), '.', '/');
    read = readOneFolder(folder, name, each);
  }
  return read;
}

Result<void> readMbox(const std::string& path, const EachForeign& each) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Error::Kind::notFound, "cannot read " + path);
  ForeignMessage message;
  std::string line;
  bool open = false;
  bool emptyBefore = true;
  const auto finish = [&]() -> Result<void> {
    if (!open) return {};
    if (message.content.ends_with("\r\n\r\n") && message.content.size() > 4) message.content.resize(message.content.size() - 2);
    return each(std::exchange(message, {}));
  };
  while (std::getline(in, line)) {
    if (line.ends_with('\r')) line.pop_back();
    if (emptyBefore && isFromLine(line)) {
      const Result<void> taken = finish();
      if (!taken) return taken;
      message.date = dateOf(line);
      open = true;
      emptyBefore = false;
      continue;
    }
    if (!open) return fail(Error::Kind::syntax, path + " is no mbox: it does not begin with a line \"From \"");
    emptyBefore = line.empty();
    message.content += unquoted(line);
    message.content += "\r\n";
  }
  return finish();
}

std::string maildirInfo(std::uint64_t flags) {
  std::string info = ":2,";
  for (const auto& [letter, flag] : kMaildirFlags) {
    if ((flags & flag) != 0) info += letter;
  }
  return info;
}

std::uint64_t maildirFlags(std::string_view fileName) {
  const std::size_t info = fileName.rfind(":2,");
  std::uint64_t flags = 0;
  if (info == std::string_view::npos) return flags;
  for (const auto& [letter, flag] : kMaildirFlags) {
    if (fileName.find(letter, info + 3) != std::string_view::npos) flags |= flag;
  }
  return flags;
}

std::string mboxPiece(std::string_view content, std::int64_t date) {
  const std::time_t seconds = date;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char when[64];
  std::strftime(when, sizeof when, "%a %b %e %H:%M:%S %Y", &parts);
  std::string out = std::string("From MAILER-DAEMON ") + when + "\n";
  std::istringstream lines(withLf(content));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t quotes = std::min(line.find_first_not_of('>'), line.size());
    if (isFromLine(std::string_view(line).substr(quotes))) out += '>';
    out += line + "\n";
  }
  return out + "\n";
}

std::string withCrlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 32);
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\n' && (at == 0 || text[at - 1] != '\r')) out += '\r';
    out += text[at];
  }
  return out;
}

std::string withLf(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\r' || at + 1 == text.size() || text[at + 1] != '\n') out += text[at];
  }
  return out;
}

}  // namespace ostler::store
