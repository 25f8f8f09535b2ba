#include "libmailcore/base/idna.h"

#include <unicode/uidna.h>

#include <algorithm>
#include <array>
#include <memory>

#include "libmailcore/base/ascii.h"

namespace ostler {

namespace {

constexpr std::size_t kLongestName = 4 * 253;  ///< in UTF-8; RFC 1035 2.3.4 allows 253 octets of A-labels

struct CloseIdna {
  void operator()(UIDNA* idna) const { uidna_close(idna); }
};

bool isSame(std::string_view a, std::string_view b, std::string (*comparable)(std::string_view)) {
  if (equalsIgnoreCase(a, b)) return true;
  return (!isAllAscii(a) || !isAllAscii(b)) && comparable(a) == comparable(b);
}

}  // namespace

Result<std::string> toALabels(std::string_view name) {
  if (name.size() > kLongestName) return fail(Error::Kind::syntax, "domain: too long");
  UErrorCode status = U_ZERO_ERROR;
  const std::unique_ptr<UIDNA, CloseIdna> idna(
      uidna_openUTS46(UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ, &status));
  if (U_FAILURE(status)) return fail(Error::Kind::temporary, "domain: ICU has no IDNA data; is libicu complete?");
  UIDNAInfo info = UIDNA_INFO_INITIALIZER;
  std::array<char, 1024> out{};
  const auto length = uidna_nameToASCII_UTF8(idna.get(), name.data(), static_cast<int32_t>(name.size()), out.data(),
                                             static_cast<int32_t>(out.size()), &info, &status);
  if (U_FAILURE(status) || info.errors != 0) return fail(Error::Kind::syntax, "domain: not allowed in IDNA (RFC 5891): " + printable(name));
  return asciiLower({out.data(), static_cast<std::size_t>(length)});
}

std::string inALabels(std::string_view domain) {
  if (isAllAscii(domain)) return std::string(domain);
  return toALabels(domain).value_or(std::string(domain));
}

std::string comparableDomain(std::string_view domain) {
  if (isAllAscii(domain)) return asciiLower(domain);
  const bool isBelow = domain.starts_with('.');
  const Result<std::string> labels = toALabels(domain.substr(isBelow ? 1 : 0));
  if (!labels) return asciiLower(domain);
  return isBelow ? "." + *labels : *labels;
}

std::string comparableAddress(std::string_view address) {
  const std::size_t at = std::min(address.rfind('@'), address.size());
  if (isAllAscii(address)) return asciiLower(address);
  if (at == address.size()) return comparableDomain(address);
  return asciiLower(address.substr(0, at + 1)) + comparableDomain(address.substr(at + 1));
}

bool isSameDomain(std::string_view a, std::string_view b) { return isSame(a, b, comparableDomain); }
bool isSameAddress(std::string_view a, std::string_view b) { return isSame(a, b, comparableAddress); }

}  // namespace ostler
