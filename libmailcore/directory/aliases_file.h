// aliases_file.h - /etc/aliases in sendmail's syntax, as newaliases reads it. Pure: text in, entries and problems out.
// Written in: sendmail's aliases(5).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/directory/alias_target.h"

namespace ostler::directory {

struct AliasEntry {
  std::string name;  ///< folded local part
  std::vector<AliasTarget> targets;
  std::size_t line = 0;  ///< where it begins, from 1
  bool operator==(const AliasEntry&) const = default;
};

struct AliasProblem {
  std::size_t line = 0;
  std::string text;
};

struct AliasesFile {
  std::vector<AliasEntry> entries;
  std::vector<AliasProblem> problems;  ///< all of them; entries with one are not in `entries`
};

/// entry = name ":" target *("," target); a line that starts with a blank continues the one before; "#" starts a
/// comment line.
[[nodiscard]] AliasesFile parseAliasesFile(std::string_view text);
[[nodiscard]] std::string formatAliasesFile(const std::vector<AliasEntry>& entries);

}  // namespace ostler::directory
