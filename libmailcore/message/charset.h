// charset.h - text of any charset as UTF-8, and case folding. The one place that knows ICU.
// RFC 2978 (names), RFC 5051 and RFC 3629; charset names as the IANA registry and the wild have them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace ostler::message {

/// Valid UTF-8; what cannot be converted becomes U+FFFD. Nothing for an unknown charset. Any thread.
[[nodiscard]] std::optional<std::string> toUtf8(std::string_view octets, std::string_view charset);
class CharsetConversion;

/// Text of one charset that comes in pieces, as UTF-8. Octets of UTF-8, and of a charset that nobody knows, pass as they are. One thread.
class CharsetDecoder {
 public:
  explicit CharsetDecoder(std::string_view charset);
  ~CharsetDecoder();
  CharsetDecoder(const CharsetDecoder&) = delete;
  CharsetDecoder& operator=(const CharsetDecoder&) = delete;
  /// Appends what can be converted so far.
  void decode(std::string_view piece, std::string& out);
  /// Appends what was held back. Call once, at the end.
  void finish(std::string& out);

 private:
  std::string charset_;
  bool isPlain_;  ///< up to here the octets were UTF-8 as they are
  std::unique_ptr<CharsetConversion> conversion_;
};
/// UTF-8 as it is, anything else read as windows-1252: what undeclared 8-bit text in a header most likely is.
[[nodiscard]] std::string guessUtf8(std::string_view octets);
/// The front of a UTF-8 text, of at most so many octets, that ends in no character's middle.
[[nodiscard]] std::string_view cutUtf8(std::string_view text, std::size_t most);
/// Is every octet below 128 of that charset the ASCII character? An unknown charset: no.
[[nodiscard]] bool isAsciiSuperset(std::string_view charset);
/// Is it US-ASCII or UTF-8, by any of their names, or empty (the default)? Then octets are text as they are.
[[nodiscard]] bool isUtf8OrAscii(std::string_view charset);

/// The form in which text is compared without case: NFKC_Casefold; ASCII text is only lower-cased. Invalid UTF-8 is
/// replaced.
[[nodiscard]] std::string caseFold(std::string_view utf8);

}  // namespace ostler::message
