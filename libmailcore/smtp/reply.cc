#include "libmailcore/smtp/reply.h"

#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/smtp/enhanced_status.h"

namespace ostler::smtp {
namespace {

constexpr std::size_t kMostLine = 510;
constexpr std::size_t kMostLines = 200;
constexpr std::size_t kMostOctets = 64 * 1024;

// The enhanced code at the front of a reply's text, if it is one of the reply's class. RFC 2034 4.
std::string_view enhancedAtFront(int code, std::string_view text) {
  const std::string_view word = text.substr(0, text.find(' '));
  const auto status = EnhancedStatus::parse(word);
  return status && status->klass == code / 100 ? word : std::string_view();
}

}  // namespace

std::string Reply::oneLine() const {
  std::string line = std::to_string(code) + (enhanced.empty() ? "" : " " + enhanced) + (text.empty() ? "" : " " + text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

std::string format(const Reply& reply) {
  std::string out;
  std::string_view left = reply.text;
  while (true) {
    const std::size_t end = left.find('\n');
    std::string line = std::to_string(reply.code) + (end == std::string_view::npos ? ' ' : '-');
    if (!reply.enhanced.empty()) line += reply.enhanced + ' ';
    for (const char c : left.substr(0, end)) line += isAsciiControl(c) ? '?' : c;
    if (line.back() == ' ' && end == std::string_view::npos && line.size() > 4) line.pop_back();
    out.append(line, 0, kMostLine);
    out += "\r\n";
    if (end == std::string_view::npos) return out;
    left.remove_prefix(end + 1);
  }
}

Result<bool> ReplyReader::add(std::string_view line) {
  const auto code = parseDecimal(line.substr(0, 3), 599);
  if (line.size() < 3 || !code || *code < 200)
    return fail(Error::Kind::syntax, "reply: no code: " + printable(line, 80));
  const char mark = line.size() > 3 ? line[3] : ' ';
  if (mark != ' ' && mark != '-') return fail(Error::Kind::syntax, "reply: bad code: " + printable(line, 80));
  if (lines_ > 0 && static_cast<int>(*code) != reply_.code) return fail(Error::Kind::syntax, "reply: codes differ");
  if (++lines_ > kMostLines || reply_.text.size() + line.size() > kMostOctets)
    return fail(Error::Kind::limit, "reply: too long");
  reply_.code = static_cast<int>(*code);
  std::string_view text = line.size() > 4 ? line.substr(4) : std::string_view();
  const std::string_view enhanced = enhancedAtFront(reply_.code, text);
  if (!enhanced.empty() && (lines_ == 1 || enhanced == reply_.enhanced)) {
    reply_.enhanced = enhanced;
    text.remove_prefix(std::min(text.size(), enhanced.size() + 1));
  }
  if (lines_ > 1) reply_.text += '\n';
  for (const char c : text) reply_.text += isAsciiControl(c) ? '?' : c;  // it goes into reports and logs
  return mark == ' ';
}

Reply ReplyReader::take() {
  lines_ = 0;
  return std::exchange(reply_, Reply{0, "", ""});
}

}  // namespace ostler::smtp
