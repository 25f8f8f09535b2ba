#include "libmailcore/directory/names.h"

#include <unicode/normalizer2.h>
#include <unicode/unistr.h>

#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/idna.h"

namespace ostler::directory {

namespace {

constexpr std::size_t kMostLocalPart = 64;  // RFC 5321 4.5.3.1.1
constexpr std::size_t kMostDomain = 253;    // RFC 1035 2.3.4, written without the root's dot
constexpr std::size_t kMostLabel = 63;

bool isLabel(std::string_view label) {
  // Underscores are no host name's, but mail domains with them are seen.
  return !label.empty() && label.size() <= kMostLabel && label.front() != '-' && label.back() != '-' &&
         std::all_of(label.begin(), label.end(), [](char c) { return isAsciiAlnum(c) || c == '-' || c == '_'; });
}

Result<std::string> checkedAscii(std::string domain) {
  if (domain.size() > kMostDomain) return fail(Error::Kind::syntax, "domain: longer than 253 octets");
  for (const std::string_view label : split(domain, '.')) {
    if (!isLabel(label))
      return fail(Error::Kind::syntax,
                  "domain: \"" + printable(domain) + "\" has a label that is not letters, digits and hyphens");
  }
  return domain;
}

}  // namespace

Result<std::string> canonicalDomain(std::string_view domain) {
  if (!domain.empty() && domain.back() == '.') domain.remove_suffix(1);
  if (domain.empty()) return fail(Error::Kind::syntax, "domain: empty");
  if (domain.size() > 4 * kMostDomain) return fail(Error::Kind::syntax, "domain: too long");
  if (isAllAscii(domain)) return checkedAscii(asciiLower(domain));
  if (!isValidUtf8(domain)) return fail(Error::Kind::syntax, "domain: not UTF-8");
  Result<std::string> ascii = toALabels(domain);
  if (!ascii) return ascii;
  return checkedAscii(std::move(*ascii));
}

Result<std::string> foldLocalPart(std::string_view localPart) {
  if (localPart.empty() || localPart.size() > kMostLocalPart) {
    return fail(Error::Kind::syntax, "local part: must have 1 to 64 octets (RFC 5321 4.5.3.1.1)");
  }
  if (std::any_of(localPart.begin(), localPart.end(), isAsciiControl)) {
    return fail(Error::Kind::syntax, "local part: control character");
  }
  if (isAllAscii(localPart)) return asciiLower(localPart);
  if (!isValidUtf8(localPart)) return fail(Error::Kind::syntax, "local part: not UTF-8");
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* const fold = icu::Normalizer2::getNFKCCasefoldInstance(status);
  if (U_FAILURE(status))
    return fail(Error::Kind::temporary, "local part: ICU has no case folding data; is libicu complete?");
  icu::UnicodeString text =
      icu::UnicodeString::fromUTF8(icu::StringPiece(localPart.data(), static_cast<int32_t>(localPart.size())));
  text = fold->normalize(text, status);
  if (U_FAILURE(status)) return fail(Error::Kind::syntax, "local part: cannot be normalised");
  std::string folded;
  text.toUTF8String(folded);
  if (folded.empty() || folded.size() > kMostLocalPart)
    return fail(Error::Kind::syntax, "local part: must have 1 to 64 octets");
  return folded;
}

std::string Address::text() const {
  // Dot-string = Atom *("." Atom); anything else is quoted.
  const auto isAtext = [](char c) {
    return isAsciiAlnum(c) || !isAscii(c) || std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
  };
  const auto atoms = split(localPart, '.');
  const bool plain = std::all_of(atoms.begin(), atoms.end(), [&](std::string_view atom) {
    return !atom.empty() && std::all_of(atom.begin(), atom.end(), isAtext);
  });
  std::string out;
  if (plain) {
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

Result<Address> parseAddress(std::string_view text) {
  text = trim(text);
  if (text.size() >= 2 && text.front() == '<' && text.back() == '>') text = text.substr(1, text.size() - 2);
  Address out;
  if (!text.empty() && text.front() == '"') {
    std::size_t at = 1;
    for (; at < text.size() && text[at] != '"'; ++at) {
      if (text[at] == '\\' && ++at == text.size()) break;
      out.localPart += text[at];
    }
    if (at >= text.size()) return fail(Error::Kind::syntax, "address: a quote is not closed");
    text.remove_prefix(at + 1);
    if (!text.empty() && text.front() != '@')
      return fail(Error::Kind::syntax, "address: text after the quoted local part");
    out.domain = text.empty() ? "" : std::string(text.substr(1));
    if (!text.empty() && out.domain.empty()) return fail(Error::Kind::syntax, "address: no domain after @");
  } else {
    const std::size_t at = text.rfind('@');
    out.localPart = text.substr(0, at);
    if (out.localPart.find(' ') != std::string::npos) return fail(Error::Kind::syntax, "address: a blank outside quotes");
    if (at != text.npos) out.domain = text.substr(at + 1);
    if (at != text.npos && out.domain.empty()) return fail(Error::Kind::syntax, "address: no domain after @");
  }
  if (out.localPart.empty()) return fail(Error::Kind::syntax, "address: no local part");
  const auto isBad = [](char c) { return isAsciiControl(c); };
  if (std::any_of(out.localPart.begin(), out.localPart.end(), isBad) ||
      std::any_of(out.domain.begin(), out.domain.end(), isBad) ||
      out.domain.find_first_of(" \t<>\",@") != std::string::npos) {
    return fail(Error::Kind::syntax, "address: a character that no address has");
  }
  return out;
}

}  // namespace ostler::directory
