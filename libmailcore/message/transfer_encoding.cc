#include "libmailcore/message/transfer_encoding.h"

#include <algorithm>
#include <array>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/base64.h"

namespace ostler::message {
namespace {

constexpr std::uint32_t kNotBase64 = 1U << 31;
constexpr std::uint32_t kNoSextet = 64;

// For each place in a group of four characters: the character's sextet where it belongs in the 24 bits.
using SextetTable = std::array<std::uint32_t, 256>;
constexpr SextetTable sextetTable(unsigned shift) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  SextetTable table{};
  table.fill(kNotBase64);
  for (std::uint32_t i = 0; i < kAlphabet.size(); ++i) table[static_cast<unsigned char>(kAlphabet[i])] = i << shift;
  return table;
}
constexpr std::array<SextetTable, 4> kSextets = {sextetTable(18), sextetTable(12), sextetTable(6), sextetTable(0)};

unsigned char octet(char c) {
  return static_cast<unsigned char>(c);
}

char* put24(char* to, std::uint32_t bits) {
  *to++ = static_cast<char>(bits >> 16);
  *to++ = static_cast<char>(bits >> 8);
  *to++ = static_cast<char>(bits);
  return to;
}

// One line (or what is left of the last one) with its line end. A soft line break leaves nothing; WSP before the line
// end is not of the text: RFC 2045 6.7, rules 3 and 5.
void decodeQuotedPrintableLine(std::string_view line, std::string& out) {
  std::string_view end;
  if (line.ends_with('\n')) {
    const std::size_t length = line.ends_with("\r\n") ? 2 : 1;
    end = line.substr(line.size() - length);
    line.remove_suffix(length);
    while (!line.empty() && isWsp(line.back())) line.remove_suffix(1);
    if (line.ends_with('=')) {
      line.remove_suffix(1);
      end = {};
    }
  }
  for (;;) {
    const std::size_t equals = line.find('=');
    out += line.substr(0, equals);
    if (equals == std::string_view::npos) break;
    const int high = equals + 1 < line.size() ? hexDigitValue(line[equals + 1]) : -1;
    const int low = equals + 2 < line.size() ? hexDigitValue(line[equals + 2]) : -1;
    const bool good = high >= 0 && low >= 0;
    out += good ? static_cast<char>(high * 16 + low) : '=';
    line.remove_prefix(equals + (good ? 3 : 1));
  }
  out += end;
}

// Octets at the end of an unfinished line that mean nothing yet: "=", "=4", WSP, CR.
std::size_t undecided(std::string_view text) {
  std::size_t blanks = 0;
  while (blanks < text.size() && (isWsp(text[text.size() - 1 - blanks]) || text[text.size() - 1 - blanks] == '\r'))
    ++blanks;
  const std::string_view rest = text.substr(0, text.size() - blanks);
  if (rest.ends_with('=')) return blanks + 1;
  if (blanks == 0 && rest.size() >= 2 && rest[rest.size() - 2] == '=') return 2;
  return blanks;
}

void decodeQuotedPrintable(std::string_view text, std::string& out) {
  while (!text.empty()) {
    const std::size_t lf = text.find('\n');
    const std::size_t length = lf == std::string_view::npos ? text.size() : lf + 1;
    decodeQuotedPrintableLine(text.substr(0, length), out);
    text.remove_prefix(length);
  }
}

}  // namespace

TransferEncoding transferEncodingOf(std::string_view name) {
  if (name.empty()) return TransferEncoding::identity;
  for (const std::string_view identity : {"7bit", "8bit", "binary"}) {
    if (equalsIgnoreCase(name, identity)) return TransferEncoding::identity;
  }
  if (equalsIgnoreCase(name, "base64")) return TransferEncoding::base64;
  if (equalsIgnoreCase(name, "quoted-printable")) return TransferEncoding::quotedPrintable;
  return TransferEncoding::unknown;
}

void TransferDecoder::decode(std::string_view piece, std::string& out) {
  switch (encoding_) {
    case TransferEncoding::base64:
      return decodeBase64(piece, out);
    case TransferEncoding::quotedPrintable: {
      constexpr std::size_t kMostHeld = 4096;  // more blanks in a row than that are taken as text
      held_ += piece;
      const std::size_t hold = std::min(undecided(held_), kMostHeld);
      decodeQuotedPrintable(std::string_view(held_).substr(0, held_.size() - hold), out);
      held_.erase(0, held_.size() - hold);
      return;
    }
    case TransferEncoding::identity:
    case TransferEncoding::unknown:
      out += piece;
  }
}

void TransferDecoder::decodeBase64(std::string_view piece, std::string& out) {
  const std::size_t before = out.size();
  out.resize(before + piece.size() / 4 * 3 + 6);
  char* to = out.data() + before;
  const char* at = piece.data();
  const char* const end = at + piece.size();
  while (at < end) {
    while (sextets_ == 0 && end - at >= 4) {
      const std::uint32_t bits =
          kSextets[0][octet(at[0])] | kSextets[1][octet(at[1])] | kSextets[2][octet(at[2])] | kSextets[3][octet(at[3])];
      if ((bits & kNotBase64) != 0) break;
      to = put24(to, bits);
      at += 4;
    }
    if (at == end) break;
    const char c = *at++;
    const std::uint32_t sextet = kSextets[3][octet(c)];
    if (sextet < kNoSextet) {
      bits_ = bits_ << 6 | sextet;
      if (++sextets_ < 4) continue;
      to = put24(to, bits_);
      bits_ = 0;
      sextets_ = 0;
    } else if (c == '=') {
      std::string last;
      endQuantum(last);
      to = std::copy(last.begin(), last.end(), to);
    }
  }
  out.resize(static_cast<std::size_t>(to - out.data()));
}

void TransferDecoder::endQuantum(std::string& out) {
  if (sextets_ == 2) out += static_cast<char>(bits_ >> 4);
  if (sextets_ == 3) {
    out += static_cast<char>(bits_ >> 10);
    out += static_cast<char>(bits_ >> 2);
  }
  bits_ = 0;
  sextets_ = 0;
}

void TransferDecoder::finish(std::string& out) {
  endQuantum(out);
  decodeQuotedPrintable(held_, out);
  held_.clear();
}

std::string decodeBody(std::string_view body, TransferEncoding encoding) {
  std::string out;
  if (encoding == TransferEncoding::quotedPrintable) {
    out.reserve(body.size());
    decodeQuotedPrintable(body, out);
    return out;
  }
  TransferDecoder decoder(encoding);
  decoder.decode(body, out);
  decoder.finish(out);
  return out;
}

std::string encodeBase64Lines(std::string_view octets) {
  constexpr std::size_t kOctetsPerLine = 57;  // 76 characters
  std::string out;
  out.reserve(octets.size() / kOctetsPerLine * 78 + 80);
  for (std::size_t at = 0; at < octets.size(); at += kOctetsPerLine) {
    out += encodeBase64(octets.substr(at, kOctetsPerLine));
    out += "\r\n";
  }
  return out;
}

std::string encodeQuotedPrintable(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  constexpr std::size_t kLongestLine = 75;  // and the soft line break's '='
  std::string out;
  std::size_t column = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text.substr(at, 2) == "\r\n") {
      out += "\r\n";
      column = 0;
      ++at;
      continue;
    }
    const char c = text[at];
    const bool endOfLine = at + 1 == text.size() || text.substr(at + 1, 2) == "\r\n";
    const bool literal = (c > ' ' && c < 127 && c != '=') || (isWsp(c) && !endOfLine);
    const std::size_t width = literal ? 1 : 3;
    if (column + width > kLongestLine) {
      out += "=\r\n";
      column = 0;
    }
    column += width;
    if (literal) {
      out += c;
    } else {
      out += {'=', kHex[octet(c) >> 4], kHex[octet(c) & 15]};
    }
  }
  return out;
}

}  // namespace ostler::message
