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

std::string replaceInvalid(std::string_view octets) {
  return utf8Of(icu::UnicodeString::fromUTF8(icu::StringPiece(octets.data(), length32(octets))));
}

}  // namespace

/// Octets of one charset into UTF-8, by ICU.
class CharsetConversion {
 public:
  /// Null: nobody knows the charset.
  static std::unique_ptr<CharsetConversion> open(std::string_view charset) {
    if (charset.size() > kLongestCharsetName) return nullptr;
    UErrorCode status = U_ZERO_ERROR;
    Converter from(ucnv_open(meantCharset(charset).c_str(), &status));
    Converter to(ucnv_open("UTF-8", &status));
    if (U_FAILURE(status)) return nullptr;
    return std::unique_ptr<CharsetConversion>(new CharsetConversion(std::move(from), std::move(to)));
  }

  void add(std::string_view octets, std::string& out) { convert(octets, false, out); }
  void finish(std::string& out) { convert("", true, out); }

 private:
  CharsetConversion(Converter from, Converter to) : from_(std::move(from)), to_(std::move(to)) {}

  void convert(std::string_view octets, bool isLast, std::string& out) {
    const char* source = octets.data();
    const char* const end = source + octets.size();
    std::array<char, 4096> made{};
    UErrorCode status = U_BUFFER_OVERFLOW_ERROR;
    while (status == U_BUFFER_OVERFLOW_ERROR) {
      status = U_ZERO_ERROR;
      char* target = made.data();
      ucnv_convertEx(to_.get(), from_.get(), &target, target + made.size(), &source, end, between_.data(), &read_, &written_,
                     between_.data() + between_.size(), false, isLast, &status);
      out.append(made.data(), static_cast<std::size_t>(target - made.data()));
    }
  }

  Converter from_;
  Converter to_;
  std::array<UChar, 1024> between_{};  // UTF-16 that is not yet UTF-8
  UChar* read_ = between_.data();
  UChar* written_ = between_.data();
};

namespace {

std::optional<std::string> convert(std::string_view octets, std::string_view charset) {
  const std::unique_ptr<CharsetConversion> conversion = CharsetConversion::open(charset);
  if (!conversion) return std::nullopt;
  std::string out;
  conversion->add(octets, out);
  conversion->finish(out);
  return out;
}

}  // namespace

CharsetDecoder::CharsetDecoder(std::string_view charset) : charset_(charset), isPlain_(isAsciiSuperset(charset)) {}
CharsetDecoder::~CharsetDecoder() = default;

// Most text of other charsets is ASCII after all.
void CharsetDecoder::decode(std::string_view piece, std::string& out) {
  isPlain_ = isPlain_ && (isUtf8OrAscii(charset_) || isAllAscii(piece));
  if (!isPlain_ && !conversion_) conversion_ = CharsetConversion::open(charset_);
  if (conversion_) {
    conversion_->add(piece, out);
  } else {
    out += piece;
  }
}

void CharsetDecoder::finish(std::string& out) {
  if (conversion_) conversion_->finish(out);
}

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
