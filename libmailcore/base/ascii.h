// ascii.h - octets and ASCII text: what protocols mean by letters and digits, whatever the locale.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ostler {

constexpr bool isAsciiUpper(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool isAsciiLower(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool isAsciiAlpha(char c) { return isAsciiUpper(c) || isAsciiLower(c); }
constexpr bool isAsciiDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool isAsciiAlnum(char c) { return isAsciiAlpha(c) || isAsciiDigit(c); }
constexpr bool isAsciiControl(char c) { return static_cast<unsigned char>(c) < 32 || c == 127; }
constexpr bool isAscii(char c) { return static_cast<unsigned char>(c) < 128; }
constexpr bool isWsp(char c) { return c == ' ' || c == '\t'; }  ///< WSP of RFC 5234
constexpr char toAsciiLower(char c) { return isAsciiUpper(c) ? static_cast<char>(c + 32) : c; }
constexpr char toAsciiUpper(char c) { return isAsciiLower(c) ? static_cast<char>(c - 32) : c; }
/// The value of a hexadecimal digit of either case, or -1.
constexpr int hexDigitValue(char c) {
  if (isAsciiDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

[[nodiscard]] std::string asciiLower(std::string_view text);
[[nodiscard]] std::string asciiUpper(std::string_view text);
[[nodiscard]] bool equalsIgnoreCase(std::string_view a, std::string_view b);
[[nodiscard]] bool startsWithIgnoreCase(std::string_view text, std::string_view prefix);
[[nodiscard]] bool isAllAscii(std::string_view text);
/// Without WSP, CR and LF at both ends.
[[nodiscard]] std::string_view trim(std::string_view text);
/// All pieces between separators, empty ones included: "a,,b" gives three.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);
[[nodiscard]] std::string toHex(std::string_view octets);
[[nodiscard]] std::optional<std::string> fromHex(std::string_view hex);
/// Valid UTF-8 without surrogates, overlong forms or values above U+10FFFF. RFC 3629 4.
[[nodiscard]] bool isValidUtf8(std::string_view text);
/// For the log: control characters and octets above 126 as \xHH, cut at `most` octets.
[[nodiscard]] std::string printable(std::string_view text, std::size_t most = 200);

/// A decimal number of digits alone, at most `maximum`; nothing for an empty text, a sign, a space or a larger number.
[[nodiscard]] std::optional<std::uint64_t> parseDecimal(std::string_view digits, std::uint64_t maximum = UINT64_MAX);

/// Compares in a time that depends on the lengths alone. For secrets.
[[nodiscard]] bool equalsConstantTime(std::string_view a, std::string_view b);

/// Lets unordered containers of std::string be asked with a std::string_view.
struct TransparentHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

}  // namespace ostler
