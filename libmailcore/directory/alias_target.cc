#include "libmailcore/directory/alias_target.h"

#include <algorithm>
#include <optional>

#include "libmailcore/base/ascii.h"
#include "libmailcore/directory/names.h"

namespace ostler::directory {

namespace {

constexpr std::string_view kInclude = ":include:";
enum class Quotes { on, off };

/// The text within quotes that go from the first octet to the last; nothing if they do not.
std::optional<std::string> unquoted(std::string_view text) {
  if (text.size() < 2 || text.front() != '"') return std::nullopt;
  std::string out;
  std::size_t at = 1;
  for (; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\' && ++at == text.size()) return std::nullopt;
    out += text[at];
  }
  if (at + 1 != text.size()) return std::nullopt;
  return out;
}

std::string quotedTarget(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

tl::unexpected<Error> malformed(std::string what) {
  return fail(Error::Kind::syntax, std::move(what));
}

Result<AliasTarget> marked(AliasTarget::Kind kind, std::string_view text, const char* what) {
  text = trim(text);
  if (text.empty()) return malformed(std::string("nothing after the mark of ") + what);
  return AliasTarget{kind, std::string(text)};
}

/// A file, a program or a list. Nothing: it is an address. `quotes`: off when quotes around the whole have been taken
/// off, so that those of a program's name stay.
std::optional<Result<AliasTarget>> parseMarked(std::string_view text, Quotes quotes) {
  using Kind = AliasTarget::Kind;
  if (text.empty()) return std::nullopt;
  if (text.front() == '|') {
    const auto command = quotes == Quotes::on ? unquoted(trim(text.substr(1))) : std::nullopt;
    return marked(Kind::pipe, command ? std::string_view(*command) : text.substr(1), "a program");
  }
  if (text.front() == '/') return marked(Kind::file, text, "a file");
  if (startsWithIgnoreCase(text, kInclude)) {
    Result<AliasTarget> target = marked(Kind::include, text.substr(kInclude.size()), "an include");
    if (target && target->text.front() != '/') return malformed(":include: needs an absolute path");
    return target;
  }
  return std::nullopt;
}

}  // namespace

Result<AliasTarget> parseAliasTarget(std::string_view text) {
  using Kind = AliasTarget::Kind;
  text = trim(text);
  if (text.empty()) return malformed("an empty target");
  if (std::any_of(text.begin(), text.end(), [](char c) { return isAsciiControl(c) && c != '\t'; })) {
    return malformed("a control character in a target");
  }
  if (const auto inner = unquoted(text)) {
    if (const auto target = parseMarked(*inner, Quotes::off)) return *target;
  } else if (const auto target = parseMarked(text, Quotes::on)) {
    return *target;
  }
  const bool literal = text.front() == '\\';
  const Result<Address> address = parseAddress(literal ? text.substr(1) : text);
  if (!address) return malformed("\"" + printable(text) + "\": " + address.error().detail);
  if (text.find('"') == text.npos && address->localPart.find_first_of(" \t,:;<>") != std::string::npos) {
    return malformed("\"" + printable(text) + "\" is not an address; quote it if it is meant to be one");
  }
  return AliasTarget{literal ? Kind::mailbox : Kind::address, address->text()};
}

std::string formatAliasTarget(const AliasTarget& target) {
  using Kind = AliasTarget::Kind;
  switch (target.kind) {
    case Kind::address: {
      // An address that looks like something else ("/dev"@example.test) says that it is one.
      const Result<AliasTarget> again = parseAliasTarget(target.text);
      return again && *again == target ? target.text : "<" + target.text + ">";
    }
    case Kind::mailbox:
      return "\\" + target.text;
    case Kind::pipe:
      return quotedTarget("|" + target.text);
    case Kind::include:
      return quotedTarget(std::string(kInclude) + target.text);
    case Kind::file:
      break;
  }
  return target.text.find_first_of(" \t,\"\\#") == std::string::npos ? target.text : quotedTarget(target.text);
}

Result<std::vector<AliasTarget>> parseAliasTargets(std::string_view list) {
  std::vector<AliasTarget> targets;
  std::size_t begin = 0;
  bool inQuotes = false;
  for (std::size_t at = 0; at <= list.size(); ++at) {
    if (at < list.size() && inQuotes && list[at] == '\\') {
      if (++at == list.size()) return malformed("a backslash at the end");
      continue;
    }
    if (at < list.size() && list[at] == '"') inQuotes = !inQuotes;
    if (at < list.size() && (list[at] != ',' || inQuotes)) continue;
    const std::string_view piece = trim(list.substr(begin, at - begin));
    begin = at + 1;
    if (piece.empty()) continue;
    Result<AliasTarget> target = parseAliasTarget(piece);
    if (!target) return fail(target.error());
    targets.push_back(std::move(*target));
  }
  if (inQuotes) return malformed("a quote is not closed");
  return targets;
}

Result<std::vector<AliasTarget>> parseIncludeFile(std::string_view text) {
  std::vector<AliasTarget> targets;
  std::size_t number = 0;
  for (const std::string_view line : split(text, '\n')) {
    ++number;
    const std::string_view content = trim(line);
    if (content.empty() || content.front() == '#') continue;
    Result<std::vector<AliasTarget>> some = parseAliasTargets(content);
    if (!some) return malformed("line " + std::to_string(number) + ": " + some.error().detail);
    targets.insert(targets.end(), some->begin(), some->end());
  }
  return targets;
}

}  // namespace ostler::directory
