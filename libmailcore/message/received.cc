#include "libmailcore/message/received.h"

#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/message/date_time.h"
#include "libmailcore/message/header.h"
#include "libmailcore/message/lexer.h"

namespace ostler::message {
namespace {

// What a client calls itself goes into a structured field: anything that could end a token, a comment or the line
// becomes '?'.
std::string harmless(std::string_view text) {
  constexpr std::size_t kLongest = 255;
  std::string out(text.substr(0, kLongest));
  for (char& c : out) {
    const bool good = isAsciiAlnum(c) || !isAscii(c) || std::string_view(".-_[]:/=+").find(c) != std::string_view::npos;
    if (!good) c = '?';
  }
  return out.empty() ? "unknown" : out;
}

// Within a comment words may stand apart; what could end it or escape becomes '?'.
std::string harmlessComment(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c != ' ' && c != ',') c = harmless({&c, 1})[0];
  }
  return out;
}

// TCP-info = address-literal / (Domain FWS address-literal): RFC 5321 4.4
std::string clientInfo(const Received& received) {
  if (received.clientAddress.empty()) return {};
  const bool isV6 = received.clientAddress.find(':') != std::string::npos;
  std::string out = " (";
  if (!received.clientName.empty()) out += harmless(received.clientName) + " ";
  return out + (isV6 ? "[IPv6:" : "[") + harmless(received.clientAddress) + "])";
}

// A path may hold anything in its quoted local part; line ends alone would do harm.
std::string pathText(std::string_view path) {
  std::string out(path);
  std::erase_if(out, isAsciiControl);
  return out;
}

void readClientInfo(Received& out, std::string_view comment) {
  const std::size_t open = comment.rfind('[');
  const std::size_t close = comment.find(']', open == std::string_view::npos ? 0 : open);
  if (open == std::string_view::npos || close == std::string_view::npos) return;
  std::string_view address = comment.substr(open + 1, close - open - 1);
  if (startsWithIgnoreCase(address, "IPv6:")) address.remove_prefix(5);
  out.clientAddress = address;
  out.clientName = trim(comment.substr(0, open));
}

std::string_view takeWord(Lexer& in) {
  const std::string_view rest = in.rest();
  std::size_t length = 0;
  while (length < rest.size() && !isBlank(rest[length]) && rest[length] != '(' && rest[length] != ';') ++length;
  in.skip(std::max<std::size_t>(length, 1));
  return rest.substr(0, length);
}

std::string* clauseOf(Received& out, std::string_view keyword) {
  if (equalsIgnoreCase(keyword, "from")) return &out.helo;
  if (equalsIgnoreCase(keyword, "by")) return &out.by;
  if (equalsIgnoreCase(keyword, "with")) return &out.with;
  if (equalsIgnoreCase(keyword, "id")) return &out.id;
  if (equalsIgnoreCase(keyword, "for")) return &out.forPath;
  if (equalsIgnoreCase(keyword, "tls")) return &out.tls;
  return nullptr;
}

}  // namespace

std::string writeReceived(const Received& received) {
  // What a program on this machine submits comes from nobody who said a name.
  const bool isLocal = received.helo.empty() && received.clientAddress.empty();
  std::string out = isLocal ? "Received: " : "Received: from " + harmless(received.helo) + clientInfo(received) + "\r\n\t";
  out += "by " + harmless(received.by);
  if (!received.byComment.empty()) out += " (" + harmlessComment(received.byComment) + ")";
  out += " with " + harmless(received.with);
  out += "\r\n\tid " + harmless(received.id);
  if (!received.forPath.empty()) out += "\r\n\tfor <" + pathText(received.forPath) + ">";
  if (!received.tls.empty()) {  // tls-cipher alone is the clause; the version is a comment: RFC 8314 4.3
    const std::size_t blank = received.tls.rfind(' ');
    out += "\r\n\ttls " + harmless(std::string_view(received.tls).substr(blank == std::string::npos ? 0 : blank + 1));
    if (blank != std::string::npos) out += " (" + harmless(std::string_view(received.tls).substr(0, blank)) + ")";
  }
  if (received.priority != 0) out += "\r\n\tPRIORITY " + std::to_string(received.priority);
  return out + ";\r\n\t" + formatDateTime(received.time) + "\r\n";
}

Received parseReceived(std::string_view raw) {
  Received out;
  const std::size_t semicolon = raw.rfind(';');
  if (semicolon != std::string_view::npos) {
    if (const auto date = parseDateTime(raw.substr(semicolon + 1))) out.time = date->time;
    raw = raw.substr(0, semicolon);
  }
  Lexer in(raw);
  in.skipCfws();
  while (!in.atEnd()) {
    const std::string_view keyword = takeWord(in);
    in.skipCfws();
    std::string* const clause = clauseOf(out, keyword);
    if (!clause || !clause->empty()) continue;
    in.forgetComment();
    *clause = takeWord(in);
    in.skipCfws();
    if (clause == &out.helo) readClientInfo(out, in.lastComment());
    if (clause == &out.by) out.byComment = in.lastComment();
  }
  if (out.forPath.starts_with('<') && out.forPath.ends_with('>'))
    out.forPath = out.forPath.substr(1, out.forPath.size() - 2);
  return out;
}

std::size_t countReceived(std::string_view content) {
  std::size_t count = 0;
  for (const HeaderField& field : HeaderView(content)) count += equalsIgnoreCase(field.name, "Received");
  return count;
}

bool wasDeliveredTo(std::string_view content, std::string_view address) {
  const std::vector<HeaderField> fields = HeaderView(content).findAll("Delivered-To");
  return std::any_of(fields.begin(), fields.end(),
                     [&](const HeaderField& field) { return equalsIgnoreCase(unfold(field.value), address); });
}

std::string writeReturnPath(std::string_view reversePath) {
  return "Return-Path: <" + pathText(reversePath) + ">\r\n";
}

std::string writeDeliveredTo(std::string_view address) {
  return "Delivered-To: " + pathText(address) + "\r\n";
}

}  // namespace ostler::message
