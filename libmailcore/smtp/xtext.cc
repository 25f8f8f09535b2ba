#include "libmailcore/smtp/xtext.h"

#include <cstdint>
#include <cstdio>
#include <optional>

#include "libmailcore/base/ascii.h"

namespace ostler::smtp {
namespace {

bool isXchar(char c) {
  return c >= '!' && c <= '~' && c != '+' && c != '=';
}
// QCHAR = %x21-2a / %x2c-3c / %x3e-5b / %x5d-7e
bool isQchar(char c) {
  return isXchar(c) && c != '\\';
}

// hexchar = "+" 2HEXDIG: RFC 3461 4 wants capital digits; small ones are seen and mean the same.
std::optional<char> hexOctet(std::string_view two) {
  if (two.size() != 2 || hexDigitValue(two[0]) < 0 || hexDigitValue(two[1]) < 0) return std::nullopt;
  return static_cast<char>(hexDigitValue(two[0]) * 16 + hexDigitValue(two[1]));
}

void appendUtf8(std::string& out, std::uint32_t point) {
  const auto tail = [&out](std::uint32_t bits) { out += static_cast<char>(0x80U | (bits & 0x3fU)); };
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xc0U | point >> 6);
    tail(point);
  } else if (point < 0x10000) {
    out += static_cast<char>(0xe0U | point >> 12);
    tail(point >> 6);
    tail(point);
  } else {
    out += static_cast<char>(0xf0U | point >> 18);
    tail(point >> 12);
    tail(point >> 6);
    tail(point);
  }
}

// One code point of valid UTF-8 off the front.
std::uint32_t takePoint(std::string_view& utf8) {
  const auto first = static_cast<unsigned char>(utf8.front());
  const std::size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  std::uint32_t point = length == 1 ? first : first & (0x7fU >> length);
  for (std::size_t at = 1; at < length; ++at) point = point << 6 | (static_cast<unsigned char>(utf8[at]) & 0x3fU);
  utf8.remove_prefix(length);
  return point;
}

// HEXPOINT of EmbeddedUnicodeChar = "\x{" HEXPOINT "}": two to six digits.
std::optional<std::uint32_t> hexPoint(std::string_view digits) {
  if (digits.size() < 2 || digits.size() > 6) return std::nullopt;
  std::uint32_t point = 0;
  for (const char c : digits) {
    if (hexDigitValue(c) < 0) return std::nullopt;
    point = point * 16 + static_cast<std::uint32_t>(hexDigitValue(c));
  }
  if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return std::nullopt;
  return point;
}

}  // namespace

std::string encodeXtext(std::string_view octets) {
  std::string out;
  for (const char c : octets) {
    if (isXchar(c)) {
      out += c;
    } else {
      out += '+' + asciiUpper(toHex({&c, 1}));
    }
  }
  return out;
}

Result<std::string> decodeXtext(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (isXchar(text[at])) {
      out += text[at];
      continue;
    }
    const auto octet = text[at] == '+' ? hexOctet(text.substr(at + 1, 2)) : std::nullopt;
    if (!octet) return fail(Error::Kind::syntax, "xtext: bad octet");
    out += *octet;
    at += 2;
  }
  return out;
}

Result<std::string> encodeUtf8AddressXtext(std::string_view utf8) {
  if (!isValidUtf8(utf8)) return fail(Error::Kind::syntax, "utf-8-addr-xtext: not UTF-8");
  std::string out;
  while (!utf8.empty()) {
    if (isQchar(utf8.front())) {
      out += utf8.front();
      utf8.remove_prefix(1);
      continue;
    }
    char embedded[16];
    std::snprintf(embedded, sizeof embedded, "\\x{%02X}", takePoint(utf8));
    out += embedded;
  }
  return out;
}

Result<std::string> decodeUtf8Address(std::string_view text) {
  if (!isValidUtf8(text)) return fail(Error::Kind::syntax, "utf-8 address: not UTF-8");
  std::string out;
  while (!text.empty()) {
    if (isQchar(text.front()) || !isAscii(text.front())) {
      out += text.front();
      text.remove_prefix(1);
      continue;
    }
    const std::size_t close = text.find('}');
    const auto point = text.starts_with("\\x{") && close != std::string_view::npos ? hexPoint(text.substr(3, close - 3))
                                                                                   : std::nullopt;
    if (!point) return fail(Error::Kind::syntax, "utf-8 address: bad octet");
    appendUtf8(out, *point);
    text.remove_prefix(close + 1);
  }
  return out;
}

}  // namespace ostler::smtp
