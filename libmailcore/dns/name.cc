#include "libmailcore/dns/name.h"

#include <unicode/uidna.h>

#include <array>
#include <memory>

#include "libmailcore/base/ascii.h"

namespace ostler::dns {
namespace {

constexpr std::size_t kLongestLabel = 63;
constexpr std::size_t kLongestName = 253;

bool isNameOctet(char c) { return isAsciiAlnum(c) || c == '-' || c == '_' || c == '\\' || c == '*' || c == '/'; }

// The dot of the root; not one that is escaped and so belongs to a label.
bool endsInRootDot(std::string_view name) {
  if (!name.ends_with('.')) return false;
  name.remove_suffix(1);
  const std::size_t other = name.find_last_not_of('\\');
  const std::size_t backslashes = other == name.npos ? name.size() : name.size() - other - 1;
  return backslashes % 2 == 0;
}

}  // namespace

Result<std::string> canonicalForm(std::string_view name) {
  if (endsInRootDot(name)) name.remove_suffix(1);
  const auto bad = [&] { return fail(Error::Kind::syntax, "not a domain name: " + printable(name)); };
  if (name.empty() || name.size() > kLongestName) return bad();
  std::size_t label = 0;
  bool escaped = false;
  for (const char c : name) {
    if (c == '.' && !escaped) {
      if (label == 0) return bad();
      label = 0;
      continue;
    }
    if (!escaped && !isNameOctet(c)) return bad();
    if (escaped && (isAsciiControl(c) || !isAscii(c) || c == ' ')) return bad();
    escaped = !escaped && c == '\\';
    if (++label > 4 * kLongestLabel) return bad();
    if (label > kLongestLabel && name.find('\\') == name.npos) return bad();
  }
  if (label == 0 || escaped) return bad();
  return asciiLower(name);
}

Result<std::string> toAscii(std::string_view name) {
  if (isAllAscii(name)) return canonicalForm(name);
  UErrorCode status = U_ZERO_ERROR;
  struct Close {
    void operator()(UIDNA* idna) const { uidna_close(idna); }
  };
  const std::unique_ptr<UIDNA, Close> idna(
      uidna_openUTS46(UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ, &status));
  if (U_FAILURE(status) || name.size() > 4 * kLongestName) return fail(Error::Kind::syntax, "not a domain name");
  std::array<char, 1024> out{};
  UIDNAInfo info = UIDNA_INFO_INITIALIZER;
  const auto length = uidna_nameToASCII_UTF8(idna.get(), name.data(), static_cast<int32_t>(name.size()), out.data(),
                                             static_cast<int32_t>(out.size()), &info, &status);
  if (U_FAILURE(status) || info.errors != 0) {
    return fail(Error::Kind::syntax, "not an internationalised domain name: " + printable(name));
  }
  return canonicalForm({out.data(), static_cast<std::size_t>(length)});
}

}  // namespace ostler::dns
