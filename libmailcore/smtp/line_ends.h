// line_ends.h - are all line ends of a content CRLF? For BDAT, where no dot is unstuffed; DATA's DotUnstuffer knows by itself.
// RFC 5321 2.3.8.
#pragma once

#include <string_view>

namespace ostler::smtp {

class LineEnds {
 public:
  /// The next piece of the content.
  void look(std::string_view octets);
  /// A CR without LF or an LF without CR was among what came so far; a CR at the very end does not count yet.
  [[nodiscard]] bool bare() const { return bare_; }
  /// Nothing came, or the last line has its CRLF.
  [[nodiscard]] bool atLineStart() const { return last_ == '\n'; }
  [[nodiscard]] bool afterCr() const { return last_ == '\r'; }

 private:
  char last_ = '\n';
  bool bare_ = false;
};

}  // namespace ostler::smtp
