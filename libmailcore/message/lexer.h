// lexer.h - the small tokens that structured fields are made of: folding white space, comments, quoted strings.
// Inside this room only. Every step goes forward: linear. RFC 5322 3.2, 4.1.
#pragma once

#include <string>
#include <string_view>

namespace ostler::message {

/// WSP, CR, LF, and other control characters, which the wild puts where blanks belong.
constexpr bool isBlank(char c) {
  return static_cast<unsigned char>(c) <= ' ' || c == 127;
}
/// The specials of RFC 5322 3.2.3 without the dot.
constexpr bool isSpecial(char c) {
  switch (c) {
    case '(':
    case ')':
    case '<':
    case '>':
    case '[':
    case ']':
    case ':':
    case ';':
    case '@':
    case '\\':
    case ',':
    case '"':
      return true;
    default:
      return false;
  }
}
/// atext, the dot and UTF-8: RFC 5322 3.2.3, RFC 6532 3.2.
constexpr bool isAtomOctet(char c) {
  return !isBlank(c) && !isSpecial(c);
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  [[nodiscard]] bool atEnd() const { return at_ >= text_.size(); }
  /// The octet at hand; NUL at the end.
  [[nodiscard]] char peek() const { return atEnd() ? '\0' : text_[at_]; }
  [[nodiscard]] std::size_t position() const { return at_; }
  [[nodiscard]] std::string_view rest() const { return text_.substr(at_); }
  void skip(std::size_t octets = 1) { at_ = octets < text_.size() - at_ ? at_ + octets : text_.size(); }
  /// Goes past `c` if it is at hand.
  bool accept(char c) {
    if (atEnd() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void skipBlanks() {
    while (!atEnd() && isBlank(text_[at_])) ++at_;
  }
  /// Skips blanks and comments. The text of the last comment stays in lastComment(). True when it moved.
  bool skipCfws();
  [[nodiscard]] const std::string& lastComment() const { return lastComment_; }
  void forgetComment() { lastComment_.clear(); }

  /// The atom at hand, dots included; empty when there is none.
  std::string_view atom();
  /// Appends the content of the quoted string at hand, unescaped and unfolded. An unclosed one ends with the text.
  void quotedString(std::string& out);
  /// Appends the domain literal at hand with its brackets, without blanks.
  void domainLiteral(std::string& out);

 private:
  void comment();
  std::string_view text_;
  std::size_t at_ = 0;
  std::string lastComment_;
};

}  // namespace ostler::message
