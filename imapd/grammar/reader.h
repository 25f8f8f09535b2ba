// reader.h - Reader: walks over one whole command, literals included, and takes its tokens off the front.
// Is not: where the octets come from; session_read.cc gathers them. Pure.
// RFC 9051 9 (formal syntax), 4.3 (strings, literal8); RFC 7888 (non-synchronizing literals); RFC 3501 9.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "libmailcore/base/result.h"

namespace ostler::imap {

/// The text is what the client sent without the last line end: a literal stands in it as `{5}` CRLF and its five
/// octets. The first mistake sticks: from then on every call takes nothing and gives an empty value, accept() and the
/// like say no, so that a command is read straight through and failed() asked once, at the end. Loops that go on while
/// something is accepted end by it.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  [[nodiscard]] bool failed() const { return failure_.has_value(); }
  /// REQUIRES: failed(). Errors: syntax; limit for what is larger than we take.
  [[nodiscard]] const Error& error() const { return *failure_; }
  void fail(std::string_view why, Error::Kind kind = Error::Kind::syntax);

  [[nodiscard]] bool atEnd() const { return at_ == text_.size(); }
  /// The next octet, NUL at the end or after a mistake.
  [[nodiscard]] char peek() const { return failed() || atEnd() ? '\0' : text_[at_]; }
  [[nodiscard]] std::string_view rest() const { return failed() ? std::string_view() : text_.substr(at_); }
  [[nodiscard]] bool accept(char c);
  void expect(char c);
  void space() { expect(' '); }
  /// Nothing may follow.
  void end();

  /// Takes `word` if it stands here as a whole atom, whatever its case.
  [[nodiscard]] bool acceptWord(std::string_view word);
  /// As acceptWord(), whatever follows: `BODY` of `BODY[`.
  [[nodiscard]] bool acceptPrefix(std::string_view word);
  /// 1*ATOM-CHAR, as written.
  [[nodiscard]] std::string_view atom();
  /// An atom in capitals: verbs, item names, options.
  [[nodiscard]] std::string word();
  /// astring: an atom that may hold ']', or a string.
  [[nodiscard]] std::string astring();
  /// quoted or literal.
  [[nodiscard]] std::string string();
  [[nodiscard]] std::optional<std::string> nstring();
  /// list-mailbox: an atom that may hold wildcards, or a string.
  [[nodiscard]] std::string listMailbox();
  /// tag: 1*<any ASTRING-CHAR except "+">.
  [[nodiscard]] std::string_view tag();

  [[nodiscard]] std::uint32_t number() { return static_cast<std::uint32_t>(digits(UINT32_MAX)); }
  [[nodiscard]] std::uint32_t nonZeroNumber();
  /// number64 and mod-sequence-value: 63 bits.
  [[nodiscard]] std::uint64_t number64() { return digits(INT64_MAX); }

 private:
  template <class Allowed>
  [[nodiscard]] std::string_view take(Allowed allowed, std::string_view what);
  [[nodiscard]] std::uint64_t digits(std::uint64_t maximum);
  [[nodiscard]] std::string quoted();
  [[nodiscard]] std::string literal();
  std::string_view text_;
  std::size_t at_ = 0;
  std::optional<Error> failure_;
};

/// `{310}`, `{310+}` or `~{310}` at the end of a line: the client goes on with that many octets.
struct LiteralMark {
  std::uint64_t size = 0;
  bool synchronizing = true;  ///< the client waits for "+"
  bool binary = false;        ///< literal8: may hold NUL
  std::size_t length = 0;     ///< octets of the mark itself
};
/// Nothing when the line does not end in a literal's mark. A size of more than 63 bits: limit.
[[nodiscard]] Result<std::optional<LiteralMark>> literalAtEnd(std::string_view line);

/// RFC 9051 9: ATOM-CHAR.
[[nodiscard]] bool isAtomChar(char c);

}  // namespace ostler::imap
