#include "libmailcore/directory/aliases_file.h"

#include <unordered_map>

#include "libmailcore/base/ascii.h"
#include "libmailcore/directory/names.h"

namespace ostler::directory {

namespace {

struct LogicalLine {
  std::size_t number = 0;
  std::string text;
};

/// Joins continuation lines, drops comments and blank lines.
std::vector<LogicalLine> logicalLines(std::string_view text) {
  std::vector<LogicalLine> lines;
  std::size_t number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    const std::string_view content = trim(line);
    if (content.empty() || content.front() == '#') continue;
    if (isWsp(line.front()) && !lines.empty()) {
      lines.back().text.append(" ").append(content);
    } else {
      lines.push_back({number, std::string(content)});
    }
  }
  return lines;
}

/// Where the name ends: the first colon outside of quotes.
std::size_t colonOf(std::string_view line) {
  bool inQuotes = false;
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (line[at] == '\\')
      ++at;
    else if (line[at] == '"')
      inQuotes = !inQuotes;
    else if (line[at] == ':' && !inQuotes)
      return at;
  }
  return line.npos;
}

Result<AliasEntry> parseEntry(const LogicalLine& line) {
  const std::string_view text = line.text;
  const std::size_t colon = colonOf(text);
  if (colon == text.npos) return fail(Error::Kind::syntax, "no colon after the name; wanted \"name: target, target\"");
  const Result<Address> name = parseAddress(text.substr(0, colon));
  if (!name) return fail(name.error());
  if (!name->domain.empty()) {
    return fail(Error::Kind::syntax, "a name with a domain; use `ostler alias add " + name->text() + "` instead");
  }
  Result<std::string> folded = foldLocalPart(name->localPart);
  if (!folded) return fail(folded.error());
  Result<std::vector<AliasTarget>> targets = parseAliasTargets(text.substr(colon + 1));
  if (!targets) return fail(targets.error());
  if (targets->empty())
    return fail(Error::Kind::syntax, "\"" + printable(*folded) + "\" leads nowhere: no target after the colon");
  return AliasEntry{std::move(*folded), std::move(*targets), line.number};
}

}  // namespace

AliasesFile parseAliasesFile(std::string_view text) {
  AliasesFile file;
  std::unordered_map<std::string, std::size_t> seen;
  for (const LogicalLine& line : logicalLines(text)) {
    Result<AliasEntry> entry = parseEntry(line);
    if (!entry) {
      file.problems.push_back({line.number, entry.error().detail});
      continue;
    }
    const auto [earlier, isNew] = seen.emplace(entry->name, line.number);
    if (!isNew) {
      file.problems.push_back(
          {line.number, "\"" + printable(entry->name) + "\" is already in line " + std::to_string(earlier->second)});
      continue;
    }
    file.entries.push_back(std::move(*entry));
  }
  return file;
}

std::string formatAliasesFile(const std::vector<AliasEntry>& entries) {
  std::string out;
  for (const AliasEntry& entry : entries) {
    const std::string name = Address{entry.name, ""}.text();
    out += (name.front() == '#' ? "<" + name + ">" : name) + ":";
    const char* separator = " ";
    for (const AliasTarget& target : entry.targets) {
      out += separator + formatAliasTarget(target);
      separator = ", ";
    }
    out += '\n';
  }
  return out;
}

}  // namespace ostler::directory
