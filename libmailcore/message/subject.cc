#include "libmailcore/message/subject.h"

#include <algorithm>

#include "libmailcore/base/ascii.h"

namespace ostler::message {
namespace {

// RFC 5256 2.1 (1): tabs and runs of blanks become one blank.
std::string collapsed(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const bool blank = isWsp(c) || c == '\r' || c == '\n';
    if (!blank) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  return out;
}

// subj-blob = "[" *BLOBCHAR "]" *WSP; its length, 0 if there is none.
std::size_t blobLength(std::string_view text) {
  if (!text.starts_with('[')) return 0;
  const std::size_t end = text.find_first_of("[]", 1);
  if (end == std::string_view::npos || text[end] != ']') return 0;
  const std::size_t rest = text.find_first_not_of(' ', end + 1);
  return rest == std::string_view::npos ? text.size() : rest;
}

// subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"
std::size_t replyOrForwardLength(std::string_view text) {
  std::size_t at = startsWithIgnoreCase(text, "re")    ? 2
                   : startsWithIgnoreCase(text, "fwd") ? 3
                   : startsWithIgnoreCase(text, "fw")  ? 2
                                                       : 0;
  if (at == 0) return 0;
  if (text.substr(at).starts_with(' ')) ++at;
  at += blobLength(text.substr(at));
  return text.substr(at).starts_with(':') ? at + 1 : 0;
}

// subj-trailer = "(fwd)" / WSP
bool takeTrailer(std::string_view& text, bool& isForward) {
  if (text.ends_with(' ')) {
    text.remove_suffix(1);
    return true;
  }
  if (text.size() < 5 || !equalsIgnoreCase(text.substr(text.size() - 5), "(fwd)")) return false;
  text.remove_suffix(5);
  isForward = true;
  return true;
}

// subj-leader = (*subj-blob subj-refwd) / WSP
bool takeLeader(std::string_view& text, bool& isReply) {
  if (text.starts_with(' ')) {
    text.remove_prefix(1);
    return true;
  }
  std::size_t at = 0;
  while (const std::size_t blob = blobLength(text.substr(at))) at += blob;
  const std::size_t refwd = replyOrForwardLength(text.substr(at));
  if (refwd == 0) return false;
  text.remove_prefix(at + refwd);
  isReply = true;
  return true;
}

// RFC 5256 2.1 (4): a blob goes only when something is left behind it.
bool takeBlob(std::string_view& text) {
  const std::size_t length = blobLength(text);
  if (length == 0 || length == text.size()) return false;
  text.remove_prefix(length);
  return true;
}

// RFC 5256 2.1 (6): "[fwd: ... ]"
bool takeForwardBrackets(std::string_view& text) {
  if (!startsWithIgnoreCase(text, "[fwd:") || !text.ends_with(']')) return false;
  text = text.substr(5, text.size() - 6);
  return true;
}

}  // namespace

BaseSubject baseSubject(std::string_view decoded) {
  const std::string whole = collapsed(decoded);
  std::string_view text = whole;
  BaseSubject out;
  do {
    while (takeTrailer(text, out.isReplyOrForward)) {
    }
    while (takeLeader(text, out.isReplyOrForward)) {
    }
    // No "re:" is behind these blobs, or takeLeader() would have taken them along.
    while (takeBlob(text)) {
    }
    if (!takeForwardBrackets(text)) break;
    out.isReplyOrForward = true;
  } while (true);
  out.text = trim(text);
  return out;
}

}  // namespace ostler::message
