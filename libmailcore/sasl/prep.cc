#include "libmailcore/sasl/prep.h"

#include <unicode/unistr.h>
#include <unicode/usprep.h>

#include <algorithm>
#include <memory>

#include "libmailcore/base/ascii.h"

namespace ostler::sasl {

namespace {

// A password of a megabyte is an attack on the hash, not a password.
constexpr std::size_t kMostPrepared = 4096;

struct CloseProfile {
  void operator()(UStringPrepProfile* profile) const { usprep_close(profile); }
};

bool isPrintableAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return isAscii(c) && !isAsciiControl(c); });
}

}  // namespace

Result<std::string> saslPrep(std::string_view text, PrepMode mode) {
  if (text.empty()) return fail(Error::Kind::syntax, "saslprep: empty");
  if (text.size() > kMostPrepared) return fail(Error::Kind::syntax, "saslprep: longer than 4096 octets");
  if (isPrintableAscii(text)) return std::string(text);  // the profile changes nothing in these
  if (!isValidUtf8(text)) return fail(Error::Kind::syntax, "saslprep: not UTF-8");
  UErrorCode status = U_ZERO_ERROR;
  const std::unique_ptr<UStringPrepProfile, CloseProfile> profile(usprep_openByType(USPREP_RFC4013_SASLPREP, &status));
  if (U_FAILURE(status)) return fail(Error::Kind::temporary, "saslprep: ICU has no data for it; is libicu complete?");
  const icu::UnicodeString in =
      icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<int32_t>(text.size())));
  icu::UnicodeString out;
  const int32_t room = in.length() * 18 + 16;  // NFKC makes at most 18 of one
  char16_t* const buffer = out.getBuffer(room);
  const int32_t options = mode == PrepMode::query ? USPREP_ALLOW_UNASSIGNED : USPREP_DEFAULT;
  const int32_t length =
      usprep_prepare(profile.get(), in.getBuffer(), in.length(), buffer, room, options, nullptr, &status);
  out.releaseBuffer(U_SUCCESS(status) ? length : 0);
  if (U_FAILURE(status)) return fail(Error::Kind::syntax, std::string("saslprep: ") + u_errorName(status));
  if (out.isEmpty()) return fail(Error::Kind::syntax, "saslprep: nothing is left");
  std::string prepared;
  out.toUTF8String(prepared);
  return prepared;
}

}  // namespace ostler::sasl
