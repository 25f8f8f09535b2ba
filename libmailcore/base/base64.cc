#include "libmailcore/base/base64.h"

#include <array>
#include <cstdint>

namespace ostler {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<signed char, 256> makeValues() {
  std::array<signed char, 256> values{};
  values.fill(-1);
  for (std::size_t at = 0; at < kAlphabet.size(); ++at) {
    values[static_cast<unsigned char>(kAlphabet[at])] = static_cast<signed char>(at);
  }
  return values;
}
constexpr auto kValues = makeValues();

}  // namespace

std::string encodeBase64(std::string_view octets) {
  std::string out;
  out.reserve((octets.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < octets.size(); at += 3) {
    const auto octet = [&](std::size_t i) -> std::uint32_t {
      return at + i < octets.size() ? static_cast<unsigned char>(octets[at + i]) : 0;
    };
    const std::uint32_t group = octet(0) << 16 | octet(1) << 8 | octet(2);
    out += kAlphabet[group >> 18];
    out += kAlphabet[group >> 12 & 63];
    out += at + 1 < octets.size() ? kAlphabet[group >> 6 & 63] : '=';
    out += at + 2 < octets.size() ? kAlphabet[group & 63] : '=';
  }
  return out;
}

Result<std::string> decodeBase64(std::string_view text) {
  if (text.size() % 4 != 0) return fail(Error::Kind::syntax, "base64: the length is no multiple of four");
  std::string out;
  out.reserve(text.size() / 4 * 3);
  for (std::size_t at = 0; at < text.size(); at += 4) {
    const bool last = at + 4 == text.size();
    const std::size_t padding = last && text[at + 3] == '=' ? (text[at + 2] == '=' ? 2 : 1) : 0;
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const int value = i < 4 - padding ? kValues[static_cast<unsigned char>(text[at + i])] : 0;
      if (value < 0) return fail(Error::Kind::syntax, "base64: a character outside the alphabet");
      group = group << 6 | static_cast<std::uint32_t>(value);
    }
    for (std::size_t i = 0; i < 3 - padding; ++i) out += static_cast<char>(group >> (16 - 8 * i));
  }
  return out;
}

}  // namespace ostler
