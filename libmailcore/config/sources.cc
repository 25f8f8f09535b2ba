#include "libmailcore/config/sources.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "libmailcore/base/ascii.h"

namespace ostler::config {
namespace {

// snapshot = magic *(octets SP octets LF name text), with the lengths of name and text.
constexpr std::string_view kMagic = "ostler-configuration-snapshot\n";
constexpr std::uint64_t kLongest = 64U << 20;

/// conf.d/*.yaml beside the file, in the order of their names.
std::vector<std::string> dropIns(const std::filesystem::path& folder) {
  std::vector<std::string> files;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "conf.d", none)) {
    const std::string name = entry.path().filename().string();
    if (name.front() != '.' && entry.path().extension() == ".yaml") files.push_back(entry.path().string());
  }
  std::ranges::sort(files);
  return files;
}

std::optional<std::string> read(const std::string& file, std::vector<Problem>& problems) {
  errno = 0;
  std::ifstream in(file);
  std::ostringstream text;
  if (in) text << in.rdbuf();
  if (in && !in.bad()) return text.str();
  std::string reason = errno != 0 ? std::strerror(errno) : "it cannot be read";
  if (errno == ENOENT) reason += "; 'ostler setup DOMAIN' writes one";
  problems.push_back({Problem::Severity::error, {file, 0, 0}, "cannot read the configuration: " + reason});
  return std::nullopt;
}

/// Takes a number and the octet behind it from the beginning of `rest`.
std::optional<std::uint64_t> takeLength(std::string_view& rest, char end) {
  const std::size_t at = rest.find(end);
  const auto length = at == std::string_view::npos ? std::nullopt : parseDecimal(rest.substr(0, at), kLongest);
  if (length) rest.remove_prefix(at + 1);
  return length;
}

}  // namespace

std::vector<Source> readSources(const std::string& file, std::vector<Problem>& problems) {
  std::optional<std::string> main = read(file, problems);
  if (main && main->starts_with(kMagic)) {
    std::vector<Source> sources = sourcesOf(*main);
    if (sources.empty()) problems.push_back({Problem::Severity::error, {file, 0, 0}, "the snapshot of the configuration is damaged"});
    return sources;
  }
  std::vector<Source> sources = {{file, main.value_or("")}};
  for (std::string& dropIn : dropIns(std::filesystem::absolute(file).parent_path())) {
    std::optional<std::string> text = read(dropIn, problems);
    if (text) sources.push_back({std::move(dropIn), std::move(*text)});
  }
  return sources;
}

std::string snapshotOf(const std::vector<Source>& sources) {
  std::string all(kMagic);
  for (const Source& one : sources) {
    all += std::to_string(one.file.size()) + " " + std::to_string(one.text.size()) + "\n";
    all += one.file + one.text;
  }
  return all;
}

std::vector<Source> sourcesOf(std::string_view snapshot) {
  if (!snapshot.starts_with(kMagic)) return {};
  snapshot.remove_prefix(kMagic.size());
  std::vector<Source> sources;
  while (!snapshot.empty()) {
    const auto name = takeLength(snapshot, ' ');
    const auto text = name ? takeLength(snapshot, '\n') : std::nullopt;
    if (!text || *name > snapshot.size() || *text > snapshot.size() - *name) return {};
    sources.push_back({std::string(snapshot.substr(0, *name)), std::string(snapshot.substr(*name, *text))});
    snapshot.remove_prefix(*name + *text);
  }
  return sources;
}

}  // namespace ostler::config
