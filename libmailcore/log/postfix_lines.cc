#include "libmailcore/log/postfix_lines.h"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

#include "libmailcore/base/ascii.h"
#include "libmailcore/log/parsed_line.h"

namespace ostler::log {
namespace {

struct Said {
  std::string_view daemon;
  std::string text;
};
using Lines = std::vector<Said>;

/// "192.0.2.1:4321", "[2001:db8::1]:25" -> "unknown[192.0.2.1]".
std::string clientOf(const ParsedLine& line) {
  std::string_view address = line.at("client");
  address = address.substr(0, std::min(address.rfind(':'), address.size()));
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  return fmt::format("unknown[{}]", printable(address));
}

/// "uid 1000": who submitted on this machine. Reports of our own have none.
std::optional<std::uint64_t> uidOf(const ParsedLine& line) {
  const std::string_view client = line.at("client");
  return client.starts_with("uid ") ? parseDecimal(client.substr(4), UINT32_MAX) : std::nullopt;
}

/// An address without what would end it for a reader of such lines.
std::string path(std::string_view address) {
  std::string out = printable(address, 320);
  std::erase_if(out, [](char c) { return c == '<' || c == '>' || c == ' ' || c == ','; });
  return out;
}

std::string words(std::string_view value) { return printable(value, 500); }

/// "550 5.1.1 No such user" in its parts; without an enhanced code, what the class says.
struct ReplyParts {
  std::string_view code;
  std::string enhanced;
  std::string_view text;
};
ReplyParts partsOf(std::string_view reply) {
  ReplyParts parts{reply.substr(0, 3), "", reply.substr(std::min<std::size_t>(4, reply.size()))};
  const std::string_view next = parts.text.substr(0, parts.text.find(' '));
  if (std::count(next.begin(), next.end(), '.') == 2 && next.find_first_not_of("0123456789.") == std::string_view::npos) {
    parts.enhanced = next;
    parts.text.remove_prefix(std::min(next.size() + 1, parts.text.size()));
  } else {
    parts.enhanced = std::string(1, reply.starts_with('2') || reply.starts_with('5') ? reply.front() : '4') + ".0.0";
  }
  return parts;
}

Lines accepted(const ParsedLine& line) {
  const std::string id = words(line.at("id"));
  const std::string_view service = line.at("service");
  const std::string from = path(line.at("from"));
  const bool isOverSmtp = service == "smtp" || service == "submission" || service == "lmtp";
  const std::string user = line.at("user").empty() ? "" : ", sasl_username=" + path(line.at("user"));
  const auto uid = uidOf(line);
  Lines lines;
  if (isOverSmtp) lines.push_back({"smtpd", fmt::format("{}: client={}{}", id, clientOf(line), user)});
  if (uid) lines.push_back({"pickup", fmt::format("{}: uid={} from=<{}>", id, *uid, from)});
  lines.push_back({"cleanup", fmt::format("{}: message-id={}", id, words(line.at("message_id")))});
  lines.push_back({"qmgr", fmt::format("{}: from=<{}>, size={}, nrcpt={} (queue active)", id, from, words(line.at("size")), words(line.at("recipients")))});
  return lines;
}

Lines settled(const ParsedLine& line, std::string_view status) {
  const std::string by = path(line.at("by"));
  const bool isHere = by == "lmtp" || by.find('@') != std::string::npos;
  const std::string_view relay = isHere ? "local" : by.empty() ? "none" : std::string_view(by);
  const double seconds = static_cast<double>(parseDecimal(line.at("delay_ms"), 1ULL << 50).value_or(0)) / 1000;
  const std::string_view reply = line.at("reply");
  return {{isHere ? "local" : "smtp", fmt::format("{}: to=<{}>, relay={}, delay={:.2f}, dsn={}, status={} ({})", words(line.at("id")), path(line.at("to")), relay,
                                                  seconds, partsOf(reply).enhanced, status, words(reply))}};
}
Lines delivered(const ParsedLine& line) { return settled(line, "sent"); }
Lines deferred(const ParsedLine& line) { return settled(line, "deferred"); }
Lines failed(const ParsedLine& line) { return settled(line, "bounced"); }

Lines refused(const ParsedLine& line) {
  const std::string_view stage = line.at("stage");
  const ReplyParts reply = partsOf(line.at("reply"));
  const std::string about = line.at("to").empty() ? "" : fmt::format("<{}>: ", path(line.at("to")));
  return {{"smtpd", fmt::format("NOQUEUE: reject: {} from {}: {} {} {}{}; from=<{}> to=<{}> proto=ESMTP helo=<{}>",
                                stage == "end of data" ? "END-OF-MESSAGE" : asciiUpper(words(stage)), clientOf(line), words(reply.code), reply.enhanced, about,
                                words(reply.text), path(line.at("from")), path(line.at("to")), path(line.at("helo")))}};
}

Lines loginFailed(const ParsedLine& line) {
  return {{"smtpd", fmt::format("warning: {}: SASL {} authentication failed: {}", clientOf(line), words(line.at("mechanism")), words(line.at("reason")))}};
}

Lines report(const ParsedLine& line) {
  return {{"bounce", fmt::format("{}: sender non-delivery notification: {}", words(line.at("about")), words(line.at("id")))}};
}

struct Shape {
  std::string_view program;  ///< several tell of a delivery; the spool's word is the last
  std::string_view event;
  Lines (*write)(const ParsedLine&);
};
constexpr std::array kShapes = {
    Shape{"queued/spool", "accepted", &accepted}, Shape{"queued/spool", "delivered", &delivered}, Shape{"queued/spool", "deferred", &deferred},
    Shape{"queued/spool", "failed", &failed},     Shape{"queued/spool", "refused", &refused},     Shape{"smtpd", "refused", &refused},
    Shape{"queued/spool", "report", &report},     Shape{"smtpd", "login-failed", &loginFailed},
};

}  // namespace

std::string toPostfix(std::string_view line, std::string_view machine) {
  const Result<ParsedLine> parsed = parseLine(line);
  if (!parsed) return {};
  const auto shape = std::find_if(kShapes.begin(), kShapes.end(), [&](const Shape& one) { return one.event == parsed->event && one.program == parsed->program; });
  std::string out;
  if (shape == kShapes.end()) return out;
  for (const Said& said : shape->write(*parsed)) out += fmt::format("{} {} postfix/{}[1]: {}\n", printable(parsed->time), machine, said.daemon, said.text);
  return out;
}

}  // namespace ostler::log
