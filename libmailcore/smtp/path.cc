#include "libmailcore/smtp/path.h"

#include <arpa/inet.h>

#include <array>

#include "libmailcore/base/ascii.h"

namespace ostler::smtp {
namespace {

// RFC 5321 4.5.3.1 asks for 64 octets of local part at least, and to take more where possible: VERP return paths need
// it.
constexpr std::size_t kMostLocalPart = 255;
constexpr std::size_t kMostDomain = 255;
constexpr std::size_t kMostLabel = 63;

bool isAtext(char c) {
  return isAsciiAlnum(c) || !isAscii(c) || std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}
bool isQtext(char c) {
  return !isAsciiControl(c) && c != '"' && c != '\\';
}

bool isDotString(std::string_view text) {
  bool afterAtom = false;
  for (const char c : text) {
    if (c == '.' && !afterAtom) return false;
    if (c != '.' && !isAtext(c)) return false;
    afterAtom = c != '.';
  }
  return afterAtom;
}

Result<void> refuse(std::string_view why) {
  return fail(Error::Kind::syntax, "path: " + std::string(why));
}

// Reads one path from front to back. RFC 5321 4.1.2:
//   Path = "<" [ A-d-l ":" ] Mailbox ">"     A-d-l = At-domain *( "," At-domain )     Mailbox = Local-part "@" ( Domain
//   / literal )
class Cursor {
 public:
  explicit Cursor(std::string_view text) : left_(text) {}

  [[nodiscard]] std::string_view rest() const { return left_; }
  [[nodiscard]] bool take(char c) {
    if (left_.empty() || left_.front() != c) return false;
    left_.remove_prefix(1);
    return true;
  }
  [[nodiscard]] Result<void> dropSourceRoute() {
    if (left_.empty() || left_.front() != '@') return {};
    while (take('@')) {
      if (!isDomain(takeUntil(",:>"))) return refuse("bad domain in a source route");
      if (!take(',')) break;
    }
    return take(':') ? Result<void>() : refuse("a source route ends with a colon");
  }
  [[nodiscard]] Result<std::string> localPart() {
    auto local = !left_.empty() && left_.front() == '"' ? quotedString() : dotString();
    if (local && local->size() > kMostLocalPart) return fail(Error::Kind::limit, "path: local part too long");
    if (local && !isValidUtf8(*local)) return fail(Error::Kind::syntax, "path: not UTF-8");
    return local;
  }
  [[nodiscard]] Result<std::string> domain() {
    const std::string_view text = takeUntil("> ");
    if (text.size() > kMostDomain) return fail(Error::Kind::limit, "path: domain too long");
    if (!isDomain(text) && !isAddressLiteral(text)) return fail(Error::Kind::syntax, "path: bad domain");
    return std::string(text);
  }

 private:
  std::string_view takeUntil(std::string_view stops) {
    const std::string_view taken = left_.substr(0, left_.find_first_of(stops));
    left_.remove_prefix(taken.size());
    return taken;
  }
  Result<std::string> dotString() {
    const std::string_view text = takeUntil("@> ");
    if (!isDotString(text)) return fail(Error::Kind::syntax, "path: bad local part");
    return std::string(text);
  }
  // Quoted-string = DQUOTE *( qtextSMTP / "\" %d32-126 ) DQUOTE
  Result<std::string> quotedString() {
    std::string out;
    left_.remove_prefix(1);
    while (!left_.empty()) {
      if (take('"')) return out;
      if (take('\\')) {
        if (left_.empty() || isAsciiControl(left_.front()) || !isAscii(left_.front())) break;
      } else if (!isQtext(left_.front())) {
        break;
      }
      out += left_.front();
      left_.remove_prefix(1);
    }
    return fail(Error::Kind::syntax, "path: bad quoted string");
  }

  std::string_view left_;
};

Result<Mailbox> mailboxAt(Cursor& cursor, std::string_view domainForBare = {}) {
  auto local = cursor.localPart();
  if (!local) return fail(local.error());
  const bool isBare = !domainForBare.empty() && cursor.rest().starts_with('>');
  if (isBare) return Mailbox{std::move(*local), std::string(domainForBare)};
  if (!cursor.take('@')) return fail(Error::Kind::syntax, "path: no domain");
  auto domain = cursor.domain();
  if (!domain) return fail(domain.error());
  return Mailbox{std::move(*local), std::move(*domain)};
}

// What follows a path: nothing, or a space and parameters.
Result<std::string_view> afterPath(Cursor& cursor) {
  if (!cursor.take('>')) return fail(Error::Kind::syntax, "path: no closing bracket");
  if (cursor.rest().empty() || cursor.rest().front() == ' ') return cursor.rest();
  return fail(Error::Kind::syntax, "path: octets after the closing bracket");
}

}  // namespace

std::string Mailbox::text() const {
  std::string out;
  if (isDotString(localPart)) {
    out = localPart;
  } else {
    out = "\"";
    for (const char c : localPart) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  return domain.empty() ? out : out + "@" + domain;
}

bool Mailbox::isAscii() const {
  return isAllAscii(localPart) && isAllAscii(domain);
}

// Domain = sub-domain *("." sub-domain), sub-domain = Let-dig [Ldh-str], or a U-label.
// Deviates from RFC 5321 4.1.2: an underscore passes as a letter; hosts with one send mail, and refusing loses it.
bool isDomain(std::string_view text) {
  if (text.empty() || text.size() > kMostDomain || !isValidUtf8(text)) return false;
  for (const std::string_view label : split(text, '.')) {
    if (label.empty() || label.front() == '-' || label.back() == '-') return false;
    if (label.size() > kMostLabel && isAllAscii(label))
      return false;  // of a U-label it is the A-label's size that counts
    if (startsWithIgnoreCase(label, "xn--") && !isAllAscii(label)) return false;  // neither A-label nor U-label: RFC 5890 2.3.1
    for (const char c : label) {
      if (isAscii(c) && !isAsciiAlnum(c) && c != '-' && c != '_') return false;
    }
  }
  return true;
}

bool isAddressLiteral(std::string_view text) {
  if (text.size() < 3 || text.front() != '[' || text.back() != ']') return false;
  const std::string inner(text.substr(1, text.size() - 2));
  if (inner.find('\0') != std::string::npos) return false;
  std::array<unsigned char, sizeof(in6_addr)> address{};
  // No Standardized-tag but IPv6 has been registered (RFC 5321 8).
  if (startsWithIgnoreCase(inner, "IPv6:")) return ::inet_pton(AF_INET6, inner.c_str() + 5, address.data()) == 1;
  return ::inet_pton(AF_INET, inner.c_str(), address.data()) == 1;
}

Result<Mailbox> parseMailbox(std::string_view text) {
  Cursor cursor(text);
  auto mailbox = mailboxAt(cursor);
  if (mailbox && !cursor.rest().empty()) return fail(Error::Kind::syntax, "path: octets after the domain");
  return mailbox;
}

Result<ParsedPath<ReversePath>> parseReversePath(std::string_view text, std::string_view domainForBare) {
  Cursor cursor(text);
  if (!cursor.take('<')) return fail(Error::Kind::syntax, "path: no opening bracket");
  ReversePath path;
  if (cursor.rest().empty() || cursor.rest().front() != '>') {
    if (const auto dropped = cursor.dropSourceRoute(); !dropped) return fail(dropped.error());
    auto mailbox = mailboxAt(cursor, domainForBare);
    if (!mailbox) return fail(mailbox.error());
    path = ReversePath(std::move(*mailbox));
  }
  const auto rest = afterPath(cursor);
  if (!rest) return fail(rest.error());
  return ParsedPath<ReversePath>{std::move(path), *rest};
}

Result<ParsedPath<ForwardPath>> parseForwardPath(std::string_view text, std::string_view domainForBare) {
  constexpr std::string_view kBare = "<postmaster>";
  if (startsWithIgnoreCase(text, kBare)) {
    const std::string_view rest = text.substr(kBare.size());
    if (!rest.empty() && rest.front() != ' ')
      return fail(Error::Kind::syntax, "path: octets after the closing bracket");
    return ParsedPath<ForwardPath>{ForwardPath(Mailbox{"postmaster", ""}), rest};
  }
  Cursor cursor(text);
  if (!cursor.take('<')) return fail(Error::Kind::syntax, "path: no opening bracket");
  if (const auto dropped = cursor.dropSourceRoute(); !dropped) return fail(dropped.error());
  auto mailbox = mailboxAt(cursor, domainForBare);
  if (!mailbox) return fail(mailbox.error());
  const auto rest = afterPath(cursor);
  if (!rest) return fail(rest.error());
  return ParsedPath<ForwardPath>{ForwardPath(std::move(*mailbox)), *rest};
}

Result<std::string> parsePlainPath(std::string_view text) {
  if (text.size() >= 2 && text.front() == '<' && text.back() == '>') text = text.substr(1, text.size() - 2);
  const Result<Mailbox> mailbox = parseMailbox(text);
  if (mailbox) return mailbox->text();
  const Result<Mailbox> local = parseMailbox(std::string(text) + "@localhost");
  if (!local) return fail(mailbox.error());
  return Mailbox{local->localPart, ""}.text();
}

}  // namespace ostler::smtp
