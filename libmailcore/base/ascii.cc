#include "libmailcore/base/ascii.h"

#include <algorithm>

namespace ostler {

std::string asciiLower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), toAsciiLower);
  return out;
}

std::string asciiUpper(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), toAsciiUpper);
  return out;
}

bool equalsIgnoreCase(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return toAsciiLower(x) == toAsciiLower(y); });
}

bool startsWithIgnoreCase(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && equalsIgnoreCase(text.substr(0, prefix.size()), prefix);
}

bool isAllAscii(std::string_view text) { return std::ranges::all_of(text, isAscii); }

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  for (;;) {
    const auto at = text.find(separator);
    out.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return out;
    text.remove_prefix(at + 1);
  }
}

std::string toHex(std::string_view octets) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(octets.size() * 2);
  for (const char c : octets) {
    const auto octet = static_cast<unsigned char>(c);
    out += kDigits[octet >> 4];
    out += kDigits[octet & 15];
  }
  return out;
}

std::optional<std::string> fromHex(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  std::string out;
  out.reserve(hex.size() / 2);
  for (std::size_t at = 0; at < hex.size(); at += 2) {
    const int high = hexDigitValue(hex[at]);
    const int low = hexDigitValue(hex[at + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
  }
  return out;
}

namespace {

// The length of the well-formed UTF-8 sequence at the start of text (RFC 3629 4), or 0.
std::size_t utf8SequenceLength(std::string_view text) {
  const auto at = [text](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto isTail = [&](std::size_t i) { return (at(i) & 0xC0U) == 0x80U; };
  const unsigned lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return isTail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool overlong = lead == 0xE0 && at(1) < 0xA0;
    const bool surrogate = lead == 0xED && at(1) > 0x9F;
    return isTail(1) && isTail(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool overlong = lead == 0xF0 && at(1) < 0x90;
    const bool tooLarge = lead == 0xF4 && at(1) > 0x8F;
    return isTail(1) && isTail(2) && isTail(3) && !overlong && !tooLarge ? 4 : 0;
  }
  return 0;
}

}  // namespace

bool isValidUtf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8SequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string printable(std::string_view text, std::size_t most) {
  const auto isPlain = [](char c) { return !isAsciiControl(c) && isAscii(c); };
  if (text.size() <= most && std::all_of(text.begin(), text.end(), isPlain)) return std::string(text);
  std::string out;
  for (const char c : text.substr(0, most)) {
    if (!isPlain(c)) {
      out += "\\x" + toHex(std::string_view(&c, 1));
    } else {
      out += c;
    }
  }
  if (text.size() > most) out += "...";
  return out;
}

std::optional<std::uint64_t> parseDecimal(std::string_view digits, std::uint64_t maximum) {
  std::uint64_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, value);
  if (digits.empty() || parsed.ec != std::errc{} || parsed.ptr != end || value > maximum) return std::nullopt;
  return value;
}

bool equalsConstantTime(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (std::size_t at = 0; at < a.size(); ++at) difference |= static_cast<unsigned char>(a[at] ^ b[at]);
  return difference == 0;
}

}  // namespace ostler
