#include "libmailcore/message/typed_addresses.h"

#include <optional>

#include "libmailcore/base/ascii.h"
#include "libmailcore/message/lexer.h"

namespace ostler::message {
namespace {

class TypedList {
 public:
  explicit TypedList(std::string_view text) : text_(text), in_(text) {}

  std::vector<std::string> read() {
    while (!in_.atEnd()) {
      element();
      if (in_.accept(';')) groupBegan_.reset();
      in_.accept(',');
    }
    // A group that nobody closes is none.
    if (groupBegan_) out_.emplace_back(trim(text_.substr(*groupBegan_)));
    return std::move(out_);
  }

 private:
  // One of `addr-spec`, `phrase <addr-spec>`, `phrase:`, with comments anywhere, up to the ',' or ';' behind it.
  void element() {
    const std::size_t began = in_.position();
    std::string words;
    std::string inBrackets;
    bool afterBrackets = false;
    for (bool blank = in_.skipCfws(); !in_.atEnd() && in_.peek() != ',' && in_.peek() != ';'; blank = in_.skipCfws()) {
      if (in_.peek() == ':' && opensGroup(words)) return openGroup(began);
      if (in_.peek() == '<' && inBrackets.empty()) {
        inBrackets = brackets();
        continue;
      }
      afterBrackets = afterBrackets || !inBrackets.empty();
      if (blank && !words.empty()) words += ' ';
      words += token();
    }
    if (!inBrackets.empty() && !afterBrackets) {
      out_.push_back(std::move(inBrackets));
    } else if (afterBrackets) {
      out_.emplace_back(trim(text_.substr(began, in_.position() - began)));
    } else if (!words.empty()) {
      out_.push_back(std::move(words));
    }
  }

  [[nodiscard]] bool opensGroup(const std::string& words) const {
    return !groupBegan_ && !words.empty() && words.find('@') == std::string::npos;
  }
  void openGroup(std::size_t began) {
    groupBegan_ = began;
    in_.skip();
  }

  /// What stands between '<' and '>'; with them where there is nothing or no end.
  std::string brackets() {
    const std::size_t began = in_.position();
    in_.skip();
    while (!in_.atEnd() && in_.peek() != '>') token();
    const bool closed = in_.accept('>');
    const std::string_view all = text_.substr(began, in_.position() - began);
    return std::string(closed && all.size() > 2 ? all.substr(1, all.size() - 2) : all);
  }

  /// The octets at hand that belong together, as they are written.
  std::string_view token() {
    const std::size_t began = in_.position();
    std::string ignored;
    if (in_.peek() == '"') {
      in_.quotedString(ignored);
    } else if (in_.peek() == '[') {
      in_.domainLiteral(ignored);
    } else if (in_.atom().empty()) {
      in_.skip();
    }
    return text_.substr(began, in_.position() - began);
  }

  std::string_view text_;
  Lexer in_;
  std::vector<std::string> out_;
  std::optional<std::size_t> groupBegan_;
};

}  // namespace

std::vector<std::string> typedAddresses(std::string_view text) { return TypedList(text).read(); }

}  // namespace ostler::message
