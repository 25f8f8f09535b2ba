#include "libmailcore/message/search_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "libmailcore/base/ascii.h"
#include "libmailcore/message/charset.h"
#include "libmailcore/message/encoded_word.h"
#include "libmailcore/message/header.h"
#include "libmailcore/message/mime.h"
#include "libmailcore/message/octet_scan.h"
#include "libmailcore/message/transfer_encoding.h"
#include "libmailcore/message/vectors.h"

namespace ostler::message {
namespace {

constexpr std::size_t kBlock = 4 * kWidth;
constexpr std::size_t kAtOnce = 65536;  // what is folded at a time

/// How often an octet stands in mail, roughly: the higher the commoner.
std::size_t commonness(char c) {
  constexpr std::string_view kByFrequency = "zqjxkvbywpgfmucdlhrsnioate ";
  const std::size_t place = kByFrequency.find(c);
  if (place != std::string_view::npos) return place + 2;
  return isAsciiDigit(c) ? 12 : 1;
}

/// One octet of the needle to look for in either case.
struct Probe {
  explicit Probe(char c)
      : wanted(Octets{} + static_cast<std::uint8_t>(c)),
        fold(Octets{} + static_cast<std::uint8_t>(isAsciiLower(c) ? 0x20 : 0)) {}
  [[nodiscard]] Octets at(const char* text) const { return reinterpret_cast<Octets>((load(text) | fold) == wanted); }
  Octets wanted;
  Octets fold;
};

bool equalsFolded(const char* text, std::string_view lower) {
  for (std::size_t i = 0; i < lower.size(); ++i) {
    if (toAsciiLower(text[i]) != lower[i]) return false;
  }
  return true;
}

/// Text that comes in pieces, searched across their borders with bounded memory.
class PieceSearch {
 public:
  PieceSearch(const CaseFinder& finder, std::size_t overlap) : finder_(finder), overlap_(overlap) {}
  std::string& buffer() { return buffer_; }
  /// Looks at what is in the buffer and keeps only its end.
  bool look() {
    if (finder_.foundIn(buffer_)) return true;
    if (buffer_.size() > overlap_) {
      std::size_t keepFrom = buffer_.size() - overlap_;
      while (keepFrom > 0 && (static_cast<unsigned char>(buffer_[keepFrom]) & 0xC0) == 0x80) --keepFrom;
      buffer_.erase(0, keepFrom);
    }
    return false;
  }

 private:
  const CaseFinder& finder_;
  std::size_t overlap_;
  std::string buffer_;
};

}  // namespace

CaseFinder::CaseFinder(std::string_view needle) : needle_(caseFold(needle)), ascii_(isAllAscii(needle_)) {
  for (std::size_t i = 1; i < needle_.size(); ++i) {
    if (commonness(needle_[i]) < commonness(needle_[rare1_])) rare1_ = i;
  }
  rare2_ = rare1_ == 0 && needle_.size() > 1 ? 1 : 0;
  for (std::size_t i = 0; i < needle_.size(); ++i) {
    if (i != rare1_ && commonness(needle_[i]) < commonness(needle_[rare2_])) rare2_ = i;
  }
}

// Two octets of the needle are compared at 64 places at once; only where both are there the whole needle is.
bool CaseFinder::foundInFolded(std::string_view text) const {
  if (needle_.empty()) return true;
  if (text.size() < needle_.size()) return false;
  const Probe probe1(needle_[rare1_]);
  const Probe probe2(needle_[rare2_]);
  const std::size_t places = text.size() - needle_.size() + 1;
  std::size_t at = 0;
  for (; at + kBlock <= places; at += kBlock) {
    const char* const one = text.data() + at + rare1_;
    const char* const two = text.data() + at + rare2_;
    std::array<Octets, 4> hits;
    for (std::size_t i = 0; i < 4; ++i) hits[i] = probe1.at(one + i * kWidth) & probe2.at(two + i * kWidth);
    if (!any(hits[0] | hits[1] | hits[2] | hits[3])) continue;
    for (std::size_t i = 0; i < kBlock; ++i) {
      if (hits[i / kWidth][i % kWidth] != 0 && equalsFolded(text.data() + at + i, needle_)) return true;
    }
  }
  for (; at < places; ++at) {
    const char* const place = text.data() + at;
    if (toAsciiLower(place[rare1_]) == needle_[rare1_] && equalsFolded(place, needle_)) return true;
  }
  return false;
}

bool CaseFinder::foundIn(std::string_view text) const {
  if (ascii_) return foundInFolded(text);
  return has8Bit(text) && foundInFolded(caseFold(text));
}

namespace {

/// One message and one finder.
class MessageSearch {
 public:
  MessageSearch(const CaseFinder& finder, std::size_t needleOctets, bool needleHasBlank, Window& content)
      : finder_(finder), overlap_(4 * needleOctets + 64), needleHasBlank_(needleHasBlank), content_(content) {}

  // A header of plain fields is searched at once, its folds taken out when the needle has blanks.
  bool headerMatches(std::string_view header) const {
    if (header.find("=?") != std::string_view::npos || has8Bit(header)) return encodedHeaderMatches(header);
    return needleHasBlank_ ? finder_.foundIn(withoutFolds(header)) : finder_.foundIn(header);
  }

  // RFC 9051 6.4.4: text/* and message/* are decoded; in other types nobody reads text.
  bool bodyMatches(const Part& part) {
    if (part.kind != Part::Kind::leaf || (!part.type.hasType("text") && !part.type.hasType("message"))) return false;
    return textMatches(part.body, part.type, transferEncodingOf(part.encoding));
  }

  bool textMatches(Range body, const ContentType& type, TransferEncoding encoding) {
    const std::string charset = parameterValue(type.parameters, "charset");
    const bool isEncoded = encoding == TransferEncoding::base64 || encoding == TransferEncoding::quotedPrintable;
    if (!isEncoded) {
      // Searched where it lies, if all of it is at hand; folding needs a copy, which is made piece by piece.
      const std::string_view text = content_.from(body.offset).substr(0, body.length);
      const bool isPlain = isUtf8OrAscii(charset) || (isAsciiSuperset(charset) && !has8Bit(text));
      if (isPlain && text.size() == body.length && (finder_.isAscii() || text.size() <= kAtOnce)) return finder_.foundIn(text);
    }
    return piecesMatch(body, charset, isEncoded ? encoding : TransferEncoding::identity);
  }

 private:
  static std::string withoutFolds(std::string_view header) {
    std::string out;
    out.reserve(header.size());
    for (std::size_t from = 0; from < header.size();) {
      const std::size_t lf = std::min(header.find('\n', from), header.size() - 1);
      std::string_view line = header.substr(from, lf + 1 - from);
      const bool folded = lf + 1 < header.size() && isWsp(header[lf + 1]);
      if (folded) line = line.substr(0, line.size() - (line.ends_with("\r\n") ? 2 : 1));
      out += line;
      from = lf + 1;
    }
    return out;
  }

  bool encodedHeaderMatches(std::string_view header) const {
    for (const HeaderField& field : HeaderView(header)) {
      if (finder_.foundIn(decodeEncodedWords(field.value)) || finder_.foundIn(field.name)) return true;
    }
    return false;
  }

  bool piecesMatch(Range body, std::string_view charset, TransferEncoding encoding) {
    TransferDecoder transfer(encoding);
    CharsetDecoder text(charset);
    PieceSearch search(finder_, overlap_);
    std::string decoded;
    for (std::string_view piece = content_.take(body); !piece.empty(); piece = content_.take(body)) {
      decoded.clear();
      transfer.decode(piece, decoded);
      text.decode(decoded, search.buffer());
      if (search.look()) return true;
    }
    decoded.clear();
    transfer.finish(decoded);
    text.decode(decoded, search.buffer());
    text.finish(search.buffer());
    return search.look();
  }

  const CaseFinder& finder_;
  std::size_t overlap_;
  bool needleHasBlank_;
  Window& content_;
};

ContentType typeOf(const HeaderView& header) {
  const std::optional<HeaderField> field = header.find("Content-Type");
  return field ? parseContentType(field->value) : ContentType();
}

}  // namespace

TextMatcher::TextMatcher(std::string_view needle, SearchScope scope)
    : finder_(needle),
      scope_(scope),
      needleOctets_(needle.size()),
      needleHasBlank_(needle.find_first_of(" \t") != std::string_view::npos) {}

bool TextMatcher::matches(Window& content) const {
  MessageSearch search(finder_, needleOctets_, needleHasBlank_, content);
  const HeaderView header(content.head());
  const ContentType type = typeOf(header);
  if (type.hasType("text")) {  // most messages: no structure to look at
    if (scope_ == SearchScope::text && search.headerMatches(header.text())) return true;
    const std::optional<HeaderField> encoding = header.find("Content-Transfer-Encoding");
    return search.textMatches({header.length(), content.size() - header.length()}, type,
                              transferEncodingOf(encoding ? firstToken(encoding->value) : ""));
  }
  const Structure structure = parseStructure(content);
  for (std::size_t i = 0; i < structure.parts.size(); ++i) {
    const Part& part = structure.parts[i];
    // The header of a message inside is body text of the one outside; MIME headers are no text: RFC 9051 6.4.4.
    const bool headerCounts = scope_ == SearchScope::text || (part.isMessage && i > 0);
    if (headerCounts && search.headerMatches(content.octets(part.header))) return true;
    if (search.bodyMatches(part)) return true;
  }
  return false;
}

bool headerMatches(std::string_view content, std::string_view name, const CaseFinder& needle) {
  for (const HeaderField& field : HeaderView(content)) {
    if (equalsIgnoreCase(field.name, name) && needle.foundIn(decodeEncodedWords(field.value))) return true;
  }
  return false;
}

}  // namespace ostler::message
