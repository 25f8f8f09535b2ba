// alias_target.h - what stands on the right side of an alias: an address, a file, a program, an :include: list. Pure.
// Written in: sendmail's aliases(5).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/base/result.h"

namespace ostler::directory {

struct AliasTarget {
  enum class Kind {
    address,  ///< "alice", "alice@example.net"
    mailbox,  ///< "\alice": the user's own mailbox, whatever aliases it has
    file,     ///< "/var/mail/archive"
    pipe,     ///< "|/usr/bin/program with arguments"
    include,  ///< ":include:/etc/list"
  };
  Kind kind = Kind::address;
  std::string text;  ///< without the mark
  bool operator==(const AliasTarget&) const = default;
};

/// Errors: syntax, with what is wrong.
[[nodiscard]] Result<AliasTarget> parseAliasTarget(std::string_view text);
/// The form that is stored and shown; parses to the same target.
[[nodiscard]] std::string formatAliasTarget(const AliasTarget& target);
/// Splits at commas outside of quotes, and parses each piece; empty pieces are skipped. Errors: syntax.
[[nodiscard]] Result<std::vector<AliasTarget>> parseAliasTargets(std::string_view list);
/// The lines of an :include: file: each a list of targets, "#" starts a comment line. Errors: syntax, with the line.
[[nodiscard]] Result<std::vector<AliasTarget>> parseIncludeFile(std::string_view text);

}  // namespace ostler::directory
