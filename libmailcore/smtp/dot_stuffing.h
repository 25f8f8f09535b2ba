// dot_stuffing.h - the transparency of DATA, in both directions, for content that comes in pieces.
// Only CRLF ends a line. A bare CR or LF is content and never begins the end: what one server takes for `<CR><LF>.<CR><LF>` and the
// next does not is how mail is smuggled. RFC 5321 4.5.2 (dots), 2.3.8 and 4.1.1.4 (line ends).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ostler::smtp {

/// For the receiver of DATA.
class DotUnstuffer {
 public:
  /// Reads until the end of the content at most, appending what is content to `content` (a buffer that is used again and again).
  /// Returns how many octets were read: fewer than there are only when done() became true; the rest is the next command.
  std::size_t take(std::string_view octets, std::string& content);
  /// CRLF "." CRLF was read (or "." CRLF at the very start: empty content).
  [[nodiscard]] bool done() const { return state_ == State::done; }
  /// There was a CR without LF or an LF without CR. The content has it as it came.
  [[nodiscard]] bool sawBareLineEnd() const { return bare_; }

 private:
  enum class State : std::uint8_t { lineStart, dot, dotCr, middle, cr, done };
  State state_ = State::lineStart;
  bool bare_ = false;
};

/// For the sender of DATA.
class DotStuffer {
 public:
  /// Appends the next piece of content to `out` as it must be sent. A bare CR or LF is sent as CRLF: passed on as it is, the next
  /// server might take it for a line end, and what follows for the end of the message.
  void add(std::string_view content, std::string& out);
  /// Appends what ends the content: CRLF if the last line has none, then "." CRLF.
  void finish(std::string& out);

 private:
  bool lineStart_ = true;
  bool cr_ = false;  // the last octet was a CR, not yet sent
};

}  // namespace ostler::smtp
