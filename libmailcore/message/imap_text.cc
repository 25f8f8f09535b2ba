#include "libmailcore/message/imap_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace ostler::message {
namespace {

// Clients with fixed line buffers choke on quoted strings longer than this; a literal is always right.
constexpr std::size_t kLongestQuoted = 2'000;

bool fitsQuoted(std::string_view text) {
  if (text.size() > kLongestQuoted) return false;
  return std::none_of(text.begin(), text.end(), [](char c) {
    return c == '\r' || c == '\n' || c == '\0' || static_cast<unsigned char>(c) > 127;
  });
}

}  // namespace

void appendImapString(std::string& out, std::string_view text) {
  if (fitsQuoted(text)) {
    out += '"';
    for (const char c : text) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
    return;
  }
  std::string withoutNul;
  if (text.find('\0') != std::string_view::npos) {
    withoutNul = text;
    std::erase(withoutNul, '\0');
    return appendImapString(out, withoutNul);
  }
  fmt::format_to(std::back_inserter(out), "{{{}}}\r\n", text.size());
  out += text;
}

void appendImapNstring(std::string& out, std::string_view text) {
  if (text.empty()) {
    out += "NIL";
  } else {
    appendImapString(out, text);
  }
}

void appendImapNumber(std::string& out, std::uint64_t number) {
  const fmt::format_int digits(number);
  out.append(digits.data(), digits.size());
}

}  // namespace ostler::message
