#include "libmailcore/smtp/command.h"

#include "libmailcore/base/ascii.h"

namespace ostler::smtp {
namespace {

constexpr std::size_t kMostHelo = 255;

std::string_view trimSpaces(std::string_view text) {
  while (!text.empty() && isWsp(text.front())) text.remove_prefix(1);
  while (!text.empty() && isWsp(text.back())) text.remove_suffix(1);
  return text;
}

// "FROM:" or "TO:" off the front, and the spaces that some clients put after it.
Result<std::string_view> afterKeyword(std::string_view argument, std::string_view keyword) {
  if (!startsWithIgnoreCase(argument, keyword)) return fail(Error::Kind::syntax, "expected " + std::string(keyword));
  return trimSpaces(argument.substr(keyword.size()));
}

}  // namespace

Command splitCommand(std::string_view line) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return {line, {}};
  return {line.substr(0, space), trimSpaces(line.substr(space + 1))};
}

Result<MailCommand> parseMail(std::string_view argument, std::string_view domainForBare) {
  const auto text = afterKeyword(argument, "FROM:");
  if (!text) return fail(text.error());
  auto path = parseReversePath(*text, domainForBare);
  if (!path) return fail(path.error());
  auto parameters = parseMailParameters(path->rest);
  if (!parameters) return fail(parameters.error());
  return MailCommand{std::move(path->path), std::move(*parameters)};
}

Result<RcptCommand> parseRcpt(std::string_view argument, std::string_view domainForBare) {
  const auto text = afterKeyword(argument, "TO:");
  if (!text) return fail(text.error());
  auto path = parseForwardPath(*text, domainForBare);
  if (!path) return fail(path.error());
  auto parameters = parseRcptParameters(path->rest);
  if (!parameters) return fail(parameters.error());
  return RcptCommand{std::move(path->path), std::move(*parameters)};
}

Result<std::string> parseHelo(std::string_view argument) {
  if (argument.empty() || argument.size() > kMostHelo) return fail(Error::Kind::syntax, "helo: no domain");
  for (const char c : argument) {
    if (c <= ' ' || c > '~') return fail(Error::Kind::syntax, "helo: bad domain");
  }
  return std::string(argument);
}

Result<BdatCommand> parseBdat(std::string_view argument) {
  const std::size_t space = argument.find(' ');
  const auto size = parseDecimal(argument.substr(0, space));
  if (!size) return fail(Error::Kind::syntax, "bdat: no size");
  if (space == std::string_view::npos) return BdatCommand{*size, false};
  if (!equalsIgnoreCase(trimSpaces(argument.substr(space)), "LAST"))
    return fail(Error::Kind::syntax, "bdat: expected LAST");
  return BdatCommand{*size, true};
}

Result<AuthCommand> parseAuth(std::string_view argument) {
  const std::size_t space = argument.find(' ');
  AuthCommand command;
  command.mechanism = asciiUpper(argument.substr(0, space));
  if (command.mechanism.empty() || command.mechanism.size() > 20)
    return fail(Error::Kind::syntax, "auth: no mechanism");
  for (const char c : command.mechanism) {
    if (!isAsciiAlnum(c) && c != '-' && c != '_') return fail(Error::Kind::syntax, "auth: bad mechanism");
  }
  if (space != std::string_view::npos) command.initial = std::string(trimSpaces(argument.substr(space)));
  return command;
}

// atrn = "ATRN" [SP domain *("," domain)]: RFC 2645 5.2.1
Result<std::vector<std::string>> parseAtrn(std::string_view argument) {
  constexpr std::size_t kMostDomains = 100;
  std::vector<std::string> domains;
  if (argument.empty()) return domains;
  for (const std::string_view domain : split(argument, ',')) {
    if (!isDomain(domain) || domains.size() == kMostDomains) return fail(Error::Kind::syntax, "atrn: no list of domains");
    domains.emplace_back(domain);
  }
  return domains;
}

}  // namespace ostler::smtp
