// newaliases.cc - newaliases: checks the aliases file and loads it into the directory, all of it or nothing.
// Written in: sendmail's newaliases(1); the last line has its form.
#include "queued/tools/newaliases.h"

#include <sysexits.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "libmailcore/directory/aliases_file.h"
#include "queued/tools/directory_tool.h"

namespace ostler::tools {

namespace {

using directory::AliasesFile;
using directory::AliasTarget;

Result<std::string> readFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (!in || !(text << in.rdbuf())) {
    std::error_code error(errno, std::generic_category());
    if (in && in.peek() == std::ifstream::traits_type::eof()) return std::string();  // an empty file
    return fail(Error::Kind::notFound, "cannot read " + path + ": " + error.message());
  }
  return std::move(text).str();
}

/// Files, programs and lists where the configuration does not allow them.
void addForbidden(AliasesFile& file, const config::DirectorySettings& settings) {
  for (const directory::AliasEntry& entry : file.entries) {
    for (const AliasTarget& target : entry.targets) {
      const bool isFile = target.kind == AliasTarget::Kind::file || target.kind == AliasTarget::Kind::include;
      if (isFile && target.text != "/dev/null" && !settings.aliasFiles) {
        file.problems.push_back({entry.line, directory::formatAliasTarget(target) +
                                                 ": files and lists are not allowed (directory.alias_files)"});
      }
      if (target.kind == AliasTarget::Kind::pipe && !settings.aliasPipes) {
        file.problems.push_back(
            {entry.line, directory::formatAliasTarget(target) + ": programs are not allowed (directory.alias_pipes)"});
      }
    }
  }
}

}  // namespace

Result<void> loadAliasesFile(directory::OwnDirectory& directory, const config::Config& config) {
  const std::string& path = config.directory.aliasesFile;
  if (path.empty())
    return fail(Error::Kind::permanent, "no aliases file is configured; name one in directory.aliases_file");
  const Result<std::string> text = readFile(path);
  if (!text) return fail(text.error());
  AliasesFile file = directory::parseAliasesFile(*text);
  addForbidden(file, config.directory);
  for (const directory::AliasProblem& problem : file.problems)
    fmt::print(stderr, "{}:{}: {}\n", path, problem.line, problem.text);
  if (!file.problems.empty())
    return fail(Error::Kind::syntax, path + " was not loaded; the aliases are what they were");
  std::vector<directory::Alias> aliases;
  std::size_t longest = 0;
  std::size_t total = 0;
  for (const directory::AliasEntry& entry : file.entries) {
    directory::Alias alias{"", entry.name, {}};
    std::size_t octets = 0;
    for (const AliasTarget& target : entry.targets) {
      alias.targets.push_back(directory::formatAliasTarget(target));
      octets += alias.targets.back().size();
    }
    longest = std::max(longest, octets);
    total += octets + entry.name.size();
    aliases.push_back(std::move(alias));
  }
  const Result<void> stored = directory.edit([&](Edit& edit) { return edit.replaceFileAliases(aliases); });
  if (!stored) return stored;
  fmt::print("{}: {} aliases, longest {} bytes, {} bytes total\n", path, aliases.size(), longest, total);
  return {};
}

int newaliases(const Call& call) {
  CommonOptions options;
  CLI::App app("Checks the aliases file and loads it.");
  addConfigOption(app, options);
  if (const auto status = parse(app, call)) return *status;
  // Maintainer scripts of other packages call it, also before `ostler setup`: there is nothing to load then. Debian Policy 11.6.
  if (options.config == "/etc/ostler/ostler.yaml" && !std::filesystem::exists(options.config)) {
    fmt::print(stderr, "newaliases: there is no configuration yet; `ostler setup` loads the aliases\n");
    return EX_OK;
  }
  return withDirectory(call, options, loadAliasesFile);
}

}  // namespace ostler::tools
