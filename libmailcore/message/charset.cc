#include "libmailcore/message/charset.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/stringpiece.h>
#include <unicode/ucnv.h>
#include <unicode/unistr.h>

#include <array>
#include <memory>
#include <utility>

#include "libmailcore/base/ascii.h"

namespace ostler::message {
namespace {

constexpr std::size_t kLongestCharsetName = 60;

struct CloseConverter {
  void operator()(UConverter* converter) const { ucnv_close(converter); }
};
using Converter = std::unique_ptr<UConverter, CloseConverter>;

std::int32_t length32(std::string_view text) {
  return static_cast<std::int32_t>(text.size());
}

std::string utf8Of(const icu::UnicodeString& text) {
  std::string out;
  text.toUTF8String(out);
  return out;
}

// What mail says and what it means: the superset that the sender's program had in mind.
std::string meantCharset(std::string_view charset) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kMeant = {{
      {"iso-8859-1", "windows-1252"},
      {"latin1", "windows-1252"},
      {"iso-8859-8-i", "iso-8859-8"},
      {"iso-8859-9", "windows-1254"},
      {"gb2312", "gb18030"},
      {"gbk", "gb18030"},
      {"ks_c_5601-1987", "windows-949"},
      {"euc-kr", "windows-949"},
      {"shift_jis", "windows-31j"},
  }};
  const std::string lower = asciiLower(charset);
  for (const auto& [said, meant] : kMeant) {
    if (lower == said) return std::string(meant);
  }
  return lower;
}

std::optional<std::string> convert(std::string_view octets, std::string_view charset) {
  UErrorCode status = U_ZERO_ERROR;
  const Converter converter(ucnv_open(meantCharset(charset).c_str(), &status));
  if (U_FAILURE(status) || !converter) return std::nullopt;
  // One piece of at most 1 GiB at a time would be needed for larger texts; no caller has them.
  if (octets.size() > (std::size_t{1} << 29)) octets = octets.substr(0, std::size_t{1} << 29);
  const icu::UnicodeString text(octets.data(), length32(octets), converter.get(), status);
  if (U_FAILURE(status)) return std::nullopt;
  return utf8Of(text);
}

std::string replaceInvalid(std::string_view octets) {
  return utf8Of(icu::UnicodeString::fromUTF8(icu::StringPiece(octets.data(), length32(octets))));
}

}  // namespace

bool isUtf8OrAscii(std::string_view charset) {
  if (charset.empty()) return true;
  for (const std::string_view name :
       {"us-ascii", "utf-8", "utf8", "ascii", "ansi_x3.4-1968", "iso646-us", "unicode-1-1-utf-8"}) {
    if (equalsIgnoreCase(charset, name)) return true;
  }
  return false;
}

bool isAsciiSuperset(std::string_view charset) {
  if (isUtf8OrAscii(charset)) return true;
  for (const std::string_view prefix : {"iso-8859-", "windows-", "cp125", "koi8-", "latin", "gb", "big5", "euc-",
                                        "ks_c_5601", "tis-620", "macintosh", "x-mac", "iso8859"}) {
    if (startsWithIgnoreCase(charset, prefix)) return true;
  }
  return false;
}

std::optional<std::string> toUtf8(std::string_view octets, std::string_view charset) {
  if (charset.size() > kLongestCharsetName) return std::nullopt;
  if (isUtf8OrAscii(charset)) {
    if (isAllAscii(octets) || isValidUtf8(octets)) return std::string(octets);
    return replaceInvalid(octets);
  }
  if (isAsciiSuperset(charset) && isAllAscii(octets)) return std::string(octets);
  return convert(octets, charset);
}

std::string guessUtf8(std::string_view octets) {
  if (isAllAscii(octets) || isValidUtf8(octets)) return std::string(octets);
  return convert(octets, "windows-1252").value_or(std::string(octets));
}

std::string caseFold(std::string_view utf8) {
  if (isAllAscii(utf8)) return asciiLower(utf8);
  const std::string valid = isValidUtf8(utf8) ? std::string() : replaceInvalid(utf8);
  const std::string_view text = valid.empty() ? utf8 : std::string_view(valid);
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* const folding = icu::Normalizer2::getNFKCCasefoldInstance(status);
  if (U_FAILURE(status)) return asciiLower(text);
  std::string out;
  out.reserve(text.size());
  icu::StringByteSink<std::string> sink(&out);
  folding->normalizeUTF8(0, icu::StringPiece(text.data(), length32(text)), sink, nullptr, status);
  return U_FAILURE(status) ? asciiLower(text) : out;
}

std::string_view cutUtf8(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  constexpr std::size_t kLongestCharacter = 4;
  std::size_t end = most;
  while (most - end < kLongestCharacter && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, most - end < kLongestCharacter ? end : most);
}

}  // namespace ostler::message
