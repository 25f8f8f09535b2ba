#include "libmailcore/message/lexer.h"

#include "libmailcore/base/ascii.h"

namespace ostler::message {
namespace {

// Folds and control characters are no text; a tab is.
bool isText(char c) { return c == '\t' || !isAsciiControl(c); }

}  // namespace

bool Lexer::skipCfws() {
  const std::size_t from = at_;
  for (;;) {
    skipBlanks();
    if (peek() != '(') return at_ != from;
    comment();
  }
}

// comment = "(" *([FWS] ccontent) [FWS] ")"; ccontent holds comments again, so depth is counted, not recursed into.
void Lexer::comment() {
  lastComment_.clear();
  std::size_t depth = 0;
  for (; !atEnd(); ++at_) {
    char c = text_[at_];
    if (c == '(' && depth++ == 0) continue;
    if (c == ')' && --depth == 0) {
      ++at_;
      return;
    }
    if (c == '\\' && at_ + 1 < text_.size()) c = text_[++at_];
    if (isText(c)) lastComment_ += c;
  }
}

std::string_view Lexer::atom() {
  const std::size_t from = at_;
  while (!atEnd() && isAtomOctet(text_[at_])) ++at_;
  return text_.substr(from, at_ - from);
}

void Lexer::quotedString(std::string& out) {
  for (++at_; !atEnd(); ++at_) {
    char c = text_[at_];
    if (c == '"') {
      ++at_;
      return;
    }
    if (c == '\\' && at_ + 1 < text_.size()) c = text_[++at_];
    if (isText(c)) out += c;
  }
}

void Lexer::domainLiteral(std::string& out) {
  for (; !atEnd(); ++at_) {
    const char c = text_[at_];
    if (!isBlank(c)) out += c;
    if (c == ']') {
      ++at_;
      return;
    }
  }
}

}  // namespace ostler::message
