#include "libmailcore/dns/name.h"

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/idna.h"

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
  const Result<std::string> labels = toALabels(name);
  if (!labels) return fail(Error::Kind::syntax, labels.error().detail);
  return canonicalForm(*labels);
}

}  // namespace ostler::dns
