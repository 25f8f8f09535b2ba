#include "queued/tools/unit_folders.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <sstream>

#include <fmt/format.h>

#include "libmailcore/directory/alias_target.h"
#include "libmailcore/directory/own/own_directory.h"
#include "queued/tools/common.h"

namespace ostler::tools {
namespace {

constexpr const char* kUnit = "ostler-spool.service";

struct CloseShown {
  void operator()(std::FILE* pipe) const { ::pclose(pipe); }
};

/// Empty where systemd does not run, or knows no such unit.
std::string shownOfUnit() {
  if (::access("/run/systemd/system", F_OK) != 0) return {};
  const std::string line = fmt::format("systemctl show -p LoadState -p ProtectSystem -p ReadWritePaths {} 2>/dev/null", kUnit);
  const std::unique_ptr<std::FILE, CloseShown> pipe(::popen(line.c_str(), "r"));
  std::string text;
  for (int c = pipe ? std::fgetc(pipe.get()) : EOF; c != EOF; c = std::fgetc(pipe.get())) text += static_cast<char>(c);
  return text.find("LoadState=loaded") == std::string::npos ? "" : text;
}

bool isBelow(const std::string& path, const std::string& folder) { return path == folder || path.starts_with(folder.ends_with('/') ? folder : folder + "/"); }

std::vector<std::string> filesOfAliases(const config::Config& config) {
  std::vector<std::string> files;
  if (!config.directory.aliasFiles || !std::filesystem::exists(config.directoryDir() + "/directory.mdb")) return files;
  const auto directory = directory::OwnDirectory::open(config.directoryDir());
  const auto aliases = directory ? (*directory)->aliases() : Result<std::vector<directory::Alias>>();
  if (!aliases) return files;
  for (const directory::Alias& alias : *aliases) {
    for (const std::string& target : alias.targets) {
      const auto parsed = directory::parseAliasTarget(target);
      if (parsed && parsed->kind == directory::AliasTarget::Kind::file) files.push_back(parsed->text);
    }
  }
  return files;
}

}  // namespace

bool isWritableIn(const std::string& shown, const std::string& path) {
  bool isStrict = false;
  bool isOpened = false;
  std::istringstream lines(shown);
  for (std::string line; std::getline(lines, line);) {
    isStrict = isStrict || line == "ProtectSystem=strict";
    constexpr std::string_view kPaths = "ReadWritePaths=";
    if (!line.starts_with(kPaths)) continue;
    std::istringstream words(line.substr(kPaths.size()));
    for (std::string word; words >> word;) isOpened = isOpened || isBelow(path, word.substr(std::min(word.find_first_not_of("-+"), word.size())));
  }
  return isOpened || !isStrict;
}

std::vector<config::Problem> closedByUnit(const config::Config& config) {
  if (config.placeOf("").file != kUsualConfig) return {};
  const std::string shown = shownOfUnit();
  std::vector<std::string> written = config.badmailDirs();
  for (std::string folder : {config.queueDir(), config.pickupDir(), config.dropDir(), config.accountsDir()}) written.push_back(std::move(folder));
  std::vector<std::string> closed;
  for (const std::string& folder : written) {
    if (!isWritableIn(shown, folder)) closed.push_back(folder);
  }
  for (const std::string& file : filesOfAliases(config)) {
    if (!isWritableIn(shown, file)) closed.push_back(std::filesystem::path(file).parent_path().string());
  }
  std::ranges::sort(closed);
  closed.erase(std::ranges::unique(closed).begin(), closed.end());
  std::vector<config::Problem> problems;
  for (const std::string& folder : closed) {
    problems.push_back({config::Problem::Severity::warning, config.placeOf(""),
                        fmt::format("{0} does not let the spool write in {1}, so what goes there is deferred: systemctl edit {0}, there [Service] and "
                                    "ReadWritePaths={1}, then systemctl restart {0}",
                                    kUnit, folder)});
  }
  return problems;
}

}  // namespace ostler::tools
