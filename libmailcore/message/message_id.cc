#include "libmailcore/message/message_id.h"

#include <algorithm>

#include "libmailcore/message/lexer.h"

namespace ostler::message {
namespace {

// msg-id = [CFWS] "<" id-left "@" id-right ">" [CFWS]. Taken as it is between the brackets, blanks out, quotes undone;
// without an
// "@" too, as some programs make them. Empty when there is no closing bracket.
std::string messageId(Lexer& in) {
  std::string id;
  for (in.skip(); !in.atEnd();) {
    const char c = in.peek();
    if (c == '>') {
      in.skip();
      return id;
    }
    if (c == '<') return {};  // the one at hand was never closed
    if (c == '"') {
      in.quotedString(id);
      continue;
    }
    if (!isBlank(c)) id += c;
    in.skip();
  }
  return {};
}

}  // namespace

std::vector<std::string> parseMessageIds(std::string_view raw) {
  std::vector<std::string> out;
  Lexer in(raw);
  for (in.skipCfws(); !in.atEnd(); in.skipCfws()) {
    if (in.peek() == '<') {
      std::string id = messageId(in);
      if (!id.empty()) out.push_back(std::move(id));
    } else if (in.peek() == '"') {
      std::string phrase;
      in.quotedString(phrase);
    } else {
      in.skip();
    }
  }
  return out;
}

std::string firstMessageId(std::string_view raw) {
  std::vector<std::string> ids = parseMessageIds(raw);
  return ids.empty() ? std::string() : std::move(ids.front());
}

std::string makeMessageId(const Id128& id, std::string_view domain) {
  return "<" + id.text() + "@" + std::string(domain) + ">";
}

std::vector<std::string> threadReferences(std::string_view rawReferences, std::string_view rawInReplyTo) {
  std::vector<std::string> ids = parseMessageIds(rawReferences);
  if (!ids.empty()) return ids;
  ids = parseMessageIds(rawInReplyTo);
  if (ids.size() > 1) ids.resize(1);
  return ids;
}

}  // namespace ostler::message
