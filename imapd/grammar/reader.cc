#include "imapd/grammar/reader.h"

#include "libmailcore/base/ascii.h"

namespace ostler::imap {

// atom-specials = "(" / ")" / "{" / SP / CTL / list-wildcards / quoted-specials / resp-specials
bool isAtomChar(char c) {
  if (!isAscii(c) || isAsciiControl(c)) return false;
  switch (c) {
    case '(':
    case ')':
    case '{':
    case ' ':
    case '%':
    case '*':
    case '"':
    case '\\':
    case ']':
      return false;
    default:
      return true;
  }
}

namespace {

bool isAstringChar(char c) {
  return isAtomChar(c) || c == ']';
}
bool isListChar(char c) {
  return isAstringChar(c) || c == '%' || c == '*';
}
// Not a list-char of the RFC, but a server that did not encode names has taught clients to send them bare.
bool isListCharOrUtf8(char c) {
  return isListChar(c) || !isAscii(c);
}

}  // namespace

void Reader::fail(std::string_view why, Error::Kind kind) {
  if (!failure_) failure_ = Error{kind, std::string(why)};
}

bool Reader::accept(char c) {
  if (failed() || atEnd() || text_[at_] != c) return false;
  ++at_;
  return true;
}

void Reader::expect(char c) {
  if (accept(c)) return;
  fail(c == ' ' ? std::string("Space expected") : std::string("'") + c + "' expected");
}

void Reader::end() {
  if (!failed() && !atEnd()) fail("Too much at the end of the command");
}

bool Reader::acceptPrefix(std::string_view word) {
  if (!startsWithIgnoreCase(rest(), word)) return false;
  at_ += word.size();
  return true;
}

bool Reader::acceptWord(std::string_view word) {
  const std::string_view ahead = rest();
  if (!startsWithIgnoreCase(ahead, word)) return false;
  if (ahead.size() > word.size() && isAtomChar(ahead[word.size()])) return false;
  at_ += word.size();
  return true;
}

template <class Allowed>
std::string_view Reader::take(Allowed allowed, std::string_view what) {
  const std::string_view ahead = rest();
  std::size_t length = 0;
  while (length < ahead.size() && allowed(ahead[length])) ++length;
  if (length == 0) fail(std::string(what) + " expected");
  at_ += length;
  return ahead.substr(0, length);
}

std::string_view Reader::atom() {
  return take(isAtomChar, "Atom");
}
std::string Reader::word() {
  return asciiUpper(atom());
}

std::string_view Reader::tag() {
  return take([](char c) { return isAstringChar(c) && c != '+'; }, "Tag");
}

std::string Reader::astring() {
  const char next = peek();
  if (next == '"' || next == '{' || next == '~') return string();
  return std::string(take(isAstringChar, "String"));
}

std::string Reader::listMailbox() {
  const char next = peek();
  if (next == '"' || next == '{') return string();
  return std::string(take(isListCharOrUtf8, "Mailbox pattern"));
}

std::string Reader::string() {
  if (peek() == '"') return quoted();
  if (peek() == '{' || rest().substr(0, 2) == "~{") return literal();
  // `~` begins an atom, too: the home folder of old servers.
  if (peek() == '~') return std::string(take(isAstringChar, "String"));
  fail("String expected");
  return {};
}

std::optional<std::string> Reader::nstring() {
  if (acceptWord("NIL")) return std::nullopt;
  return string();
}

// quoted = DQUOTE *QUOTED-CHAR DQUOTE, where only DQUOTE and "\" are escaped, and UTF-8 may stand: RFC 9051 4.3.
std::string Reader::quoted() {
  expect('"');
  std::string out;
  const std::string_view ahead = rest();
  for (std::size_t at = 0; at < ahead.size(); ++at) {
    char c = ahead[at];
    if (c == '"') {
      at_ += at + 1;
      return out;
    }
    if (c == '\\') {
      if (at + 1 == ahead.size() || (ahead[at + 1] != '"' && ahead[at + 1] != '\\')) break;
      c = ahead[++at];
    }
    if (c == '\r' || c == '\n' || c == '\0') break;
    out += c;
  }
  fail("Quoted string is broken");
  return {};
}

std::string Reader::literal() {
  const std::string_view ahead = rest();
  const std::size_t lineEnd = ahead.find("\r\n");
  const auto mark = literalAtEnd(ahead.substr(0, lineEnd));
  const std::size_t from = lineEnd + 2;
  if (lineEnd == std::string_view::npos || !mark || !*mark || (*mark)->length != lineEnd ||
      (*mark)->size > ahead.size() - from) {
    fail("Literal is broken");
    return {};
  }
  const auto size = static_cast<std::size_t>((*mark)->size);
  at_ += from + size;
  return std::string(ahead.substr(from, size));
}

std::uint64_t Reader::digits(std::uint64_t maximum) {
  const std::string_view text = take(isAsciiDigit, "Number");
  if (failed()) return 0;
  const auto value = parseDecimal(text, maximum);
  if (!value) fail("Number is too large");
  return value.value_or(0);
}

std::uint32_t Reader::nonZeroNumber() {
  const std::uint32_t value = number();
  if (value == 0) fail("Number must not be zero");
  return value;
}

// literal = "{" number64 ["+"] "}"; literal8 = "~{" number64 ["+"] "}". "-" is what RFC 7888 4 calls LITERAL-, and
// sends "+".
Result<std::optional<LiteralMark>> literalAtEnd(std::string_view line) {
  const std::optional<LiteralMark> none;
  if (!line.ends_with('}')) return none;
  const std::size_t open = line.rfind('{');
  if (open == std::string_view::npos) return none;
  LiteralMark mark;
  std::string_view inside = line.substr(open + 1, line.size() - open - 2);
  if (inside.ends_with('+')) {
    mark.synchronizing = false;
    inside.remove_suffix(1);
  }
  if (inside.empty() || inside.find_first_not_of("0123456789") != std::string_view::npos) return none;
  const auto size = parseDecimal(inside, INT64_MAX);
  if (!size) return ostler::fail(Error::Kind::limit, "Literal is too large");
  mark.size = *size;
  mark.binary = open > 0 && line[open - 1] == '~';
  mark.length = line.size() - open + (mark.binary ? 1 : 0);
  return std::optional(mark);
}

}  // namespace ostler::imap
