// command.h - a command line taken apart: the verb, and each verb's argument as a value.
// Is not: which commands there are and when they are legal; see smtpd/commands.h. Pure.
// RFC 5321 4.1.1; RFC 3030 2 (BDAT); RFC 4954 4 (AUTH); RFC 2645 5.2.1 (ATRN).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/smtp/parameters.h"
#include "libmailcore/smtp/path.h"

namespace ostler::smtp {

struct Command {
  std::string_view verb;      ///< as it was written; compare without case
  std::string_view argument;  ///< without the space before it and spaces at the end
};
/// Any line has a verb, though perhaps an empty one.
[[nodiscard]] Command splitCommand(std::string_view line);

struct MailCommand {
  ReversePath path;
  MailParameters parameters;
};
struct RcptCommand {
  ForwardPath path;
  RcptParameters parameters;
};
/// The argument of MAIL: `FROM:<alice@example.test> SIZE=100`. A space after the colon is read over, as clients send it.
/// Errors: syntax, limit (a path too long), notFound (an unknown parameter).
/// `domainForBare`: put behind an address that has none; empty: such an address is an error.
[[nodiscard]] Result<MailCommand> parseMail(std::string_view argument, std::string_view domainForBare = {});
[[nodiscard]] Result<RcptCommand> parseRcpt(std::string_view argument, std::string_view domainForBare = {});

/// The argument of EHLO, HELO or LHLO: a domain or an address literal. Errors: syntax.
/// Deviates from RFC 5321 4.1.4: a name that is neither is taken too if it is printable ASCII without spaces; desktop clients
/// send their computer's name, and refusing it would shut them out. A U-label is not: RFC 6531 3.7.1.
[[nodiscard]] Result<std::string> parseHelo(std::string_view argument);

struct BdatCommand {
  std::uint64_t size = 0;
  bool last = false;
};
[[nodiscard]] Result<BdatCommand> parseBdat(std::string_view argument);

struct AuthCommand {
  std::string mechanism;               ///< upper case; 1 to 20 letters, digits, hyphens and underscores (RFC 4422 3.1)
  std::optional<std::string> initial;  ///< still in base64; "=" means an empty response (RFC 4954 4)
};
[[nodiscard]] Result<AuthCommand> parseAuth(std::string_view argument);

/// The argument of ATRN: domains with commas between, 100 at most; or nothing, which asks for all of the client's. Errors: syntax.
[[nodiscard]] Result<std::vector<std::string>> parseAtrn(std::string_view argument);

}  // namespace ostler::smtp
