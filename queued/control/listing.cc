#include "queued/control/listing.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "libmailcore/base/ascii.h"

namespace ostler::control {

namespace {

using spool::Hold;
using spool::Message;
using spool::RecipientState;

const char* nameOf(RecipientState state) {
  switch (state) {
    case RecipientState::pending: return "pending";
    case RecipientState::delivered: return "delivered";
    case RecipientState::failed: return "failed";
    case RecipientState::expanded: return "expanded";
    case RecipientState::removed: return "removed";
  }
  return "";
}

/// What is said of a recipient that waits. `room`: for words that stand nowhere else. RFC 4865: its sender wants it to wait, and it
/// does; what an administrator retried does not any more.
std::string_view reasonOf(const spool::MessageView& record, const spool::RecipientView& recipient, LocalTimes& times, std::string& room,
                          const std::string& inLine) {
  const WallTime until = record.handling.holdUntil;
  if (!inLine.empty() && recipient.state == RecipientState::pending) {
    room = inLine + (recipient.lastReply.empty() ? "" : "; last reply: " + std::string(recipient.lastReply));
    return room;
  }
  if (!spool::isHeldBack(until, recipient.attempts, recipient.due)) return recipient.lastReply;
  room = "held until " + std::string(times.date(until)) + ", as its sender asked";
  return room;
}

std::string_view orNull(std::string_view reversePath) { return reversePath.empty() ? "MAILER-DAEMON" : reversePath; }

/// As {:<WIDTH} and {:>WIDTH}, of ASCII.
void appendLeft(std::string& out, std::string_view text, std::size_t width) {
  out += text;
  if (text.size() < width) out.append(width - text.size(), ' ');
}

void appendRight(std::string& out, std::string_view text, std::size_t width) {
  if (text.size() < width) out.append(width - text.size(), ' ');
  out += text;
}

std::string_view digits(const fmt::format_int& number) { return {number.data(), number.size()}; }

template <class... Text>
void append(std::string& out, const Text&... texts) {
  (out += ... += texts);
}

/// A message on its way into a list.
struct Shown {
  std::string& out;
  const Listed& listed;
  LocalTimes& times;
  bool isFirst = true;     ///< no recipient of it stands there yet
  std::string lastReason;  ///< Postfix's list says it once for those that share it
  std::string room;        ///< for reasonOf()
  std::size_t at = 0;      ///< the recipient that is shown

  [[nodiscard]] std::string_view reason(const spool::RecipientView& recipient) {
    const spool::Recipients& now = listed.message.recipients;
    const bool isUnderWay = at >= now.size() || now[at].inFlight;
    static const std::string kNone;
    return reasonOf(listed.record, recipient, times, room, isUnderWay ? kNone : listed.lines.of(now[at].line));
  }
};

void textHead(Shown& shown) {
  const auto& [message, record, lines] = shown.listed;
  append(shown.out, record.id.text(), "  ");
  appendLeft(shown.out, stateOf(message, lines), 8);
  shown.out += ' ';
  appendRight(shown.out, digits(fmt::format_int(record.size)), 9);
  append(shown.out, "  ", shown.times.date(record.arrived), "  from=<", record.reversePath, ">\n");
  if (record.expiresAt != WallTime{}) append(shown.out, "    expires ", shown.times.date(record.expiresAt), ", as an administrator said\n");
}

void textRecipient(Shown& shown, const spool::RecipientView& recipient) {
  append(shown.out, "    to=<", recipient.forwardPath, "> attempts=", digits(fmt::format_int(recipient.attempts)));
  if (recipient.attempts > 0 || !recipient.lastReply.empty()) append(shown.out, " next=", shown.times.date(recipient.due));
  const std::string_view reason = shown.reason(recipient);
  if (!reason.empty()) append(shown.out, "\n      ", printable(reason, 300));
  shown.out += '\n';
}

/// `postqueue -p`: the columns of Postfix with long queue ids.
void postfixHead(Shown& shown) {
  const auto& [message, record, lines] = shown.listed;
  const char* mark = message.hold != Hold::none ? "!" : message.anyInFlight() ? "*" : "";
  appendLeft(shown.out, record.id.text() + mark, 27);
  shown.out += ' ';
  appendRight(shown.out, digits(fmt::format_int(record.size)), 8);
  shown.out += ' ';
  appendLeft(shown.out, shown.times.ctime(record.arrived), 20);
  append(shown.out, " ", orNull(record.reversePath), "\n");
}

void postfixRecipient(Shown& shown, const spool::RecipientView& recipient) {
  const std::string_view reason = shown.reason(recipient);
  if (!reason.empty() && reason != shown.lastReason) {
    shown.lastReason = reason;
    const std::string words = "(" + printable(reason, 300) + ")";
    appendRight(shown.out, words, 57);
    shown.out += '\n';
  }
  shown.out.append(58, ' ');
  append(shown.out, recipient.forwardPath, "\n");
}

void postfixJsonHead(Shown& shown) {
  const auto& [message, record, lines] = shown.listed;
  append(shown.out, R"({"queue_name": ")", postfixQueueOf(message), R"(", "queue_id": ")", record.id.text(), R"(", "arrival_time": )",
         digits(fmt::format_int(toUnixMillis(record.arrived) / 1000)), R"(, "message_size": )", digits(fmt::format_int(record.size)),
         R"(, "forced_expire": false, "sender": )");
  appendJson(shown.out, orNull(record.reversePath));
  append(shown.out, R"(, "service": ")", record.origin.service, R"(", "client": )");  // ours, from here to the recipients
  appendJson(shown.out, record.origin.client);
  shown.out += ", \"user\": ";
  appendJson(shown.out, record.origin.user);
  shown.out += ", \"recipients\": [";
}

void postfixJsonRecipient(Shown& shown, const spool::RecipientView& recipient) {
  append(shown.out, shown.isFirst ? "" : ", ", "{\"address\": ");
  appendJson(shown.out, recipient.forwardPath);
  const std::string_view reason = shown.reason(recipient);
  if (!reason.empty()) {
    shown.out += ", \"delay_reason\": ";
    appendJson(shown.out, reason);
  }
  append(shown.out, ", \"attempts\": ", digits(fmt::format_int(recipient.attempts)), ", \"next_attempt\": ",  // ours
         digits(fmt::format_int(toUnixMillis(recipient.due) / 1000)), "}");
}

void jsonHead(Shown& shown) {
  const auto& [message, record, lines] = shown.listed;
  append(shown.out, R"({"id":")", record.id.text(), R"(","state":")", stateOf(message, lines), R"(","size":)", digits(fmt::format_int(record.size)),
         R"(,"arrived":)", digits(fmt::format_int(toUnixMillis(record.arrived) / 1000)), R"(,"service":")", record.origin.service, R"(","from":)");
  appendJson(shown.out, record.reversePath);
  shown.out += ",\"client\":";
  appendJson(shown.out, record.origin.client);
  shown.out += ",\"user\":";
  appendJson(shown.out, record.origin.user);
  append(shown.out, R"(,"server":")", record.origin.virtualServer, "\"");
  const auto addTime = [&shown](std::string_view key, WallTime at) { append(shown.out, ",\"", key, "\":", digits(fmt::format_int(toUnixMillis(at) / 1000))); };
  if (record.expiresAt != WallTime{}) addTime("expires", record.expiresAt);
  if (record.handling.holdUntil != WallTime{}) addTime("held_until", record.handling.holdUntil);  // RFC 4865
  const bool isGivenBack = record.handling.by == ipc::Handling::By::giveBack;
  if (record.handling.by != ipc::Handling::By::none) addTime(isGivenBack ? "given_back_at" : "late_at", record.handling.deliverBy);  // RFC 2852
  shown.out += ",\"recipients\":[";
}

void jsonRecipient(Shown& shown, const spool::RecipientView& recipient) {
  shown.out += shown.isFirst ? "{\"to\":" : ",{\"to\":";
  appendJson(shown.out, recipient.forwardPath);
  append(shown.out, R"(,"state":")", nameOf(recipient.state), R"(","attempts":)", digits(fmt::format_int(recipient.attempts)), R"(,"due":)",
         digits(fmt::format_int(toUnixMillis(recipient.due) / 1000)), R"(,"reason":)");
  appendJson(shown.out, shown.reason(recipient));
  shown.out += '}';
}

/// A record always has an arrival; of one that cannot be read nothing is known but what the queue's index keeps.
bool isLost(const spool::MessageView& record) { return record.arrived == WallTime{}; }

void textLost(Shown& shown) {
  const Message& message = shown.listed.message;
  append(shown.out, message.id.text(), "  damaged           -  ", shown.times.date(message.arrived), "  ", kRecordLost, "\n");
}

void jsonLost(Shown& shown) {
  const Message& message = shown.listed.message;
  append(shown.out, R"({"id":")", message.id.text(), R"(","state":"damaged","size":0,"arrived":)", digits(fmt::format_int(toUnixMillis(message.arrived) / 1000)),
         R"(,"reason":")", kRecordLost, R"(","service":"","from":"","client":"","user":"","recipients":[)");
}

void postfixLost(Shown& shown) {
  const Message& message = shown.listed.message;
  appendLeft(shown.out, message.id.text(), 27);
  append(shown.out, "        - ");
  appendLeft(shown.out, shown.times.ctime(message.arrived), 20);
  append(shown.out, " (", kRecordLost, ")\n");
}

void postfixJsonLost(Shown& shown) {
  const Message& message = shown.listed.message;
  append(shown.out, R"({"queue_name": "corrupt", "queue_id": ")", message.id.text(), R"(", "arrival_time": )",
         digits(fmt::format_int(toUnixMillis(message.arrived) / 1000)), R"(, "message_size": 0, "forced_expire": false, "sender": "", "reason": ")", kRecordLost,
         R"(", "recipients": [)");
}

struct Form {
  void (*head)(Shown&);
  void (*recipient)(Shown&, const spool::RecipientView&);
  void (*lost)(Shown&);  ///< instead of both, of a message whose record cannot be read
  bool hasEnded;  ///< recipients that do not wait any more, too
  std::string_view foot;
};

const Form& formOf(ListFormat format) {
  static constexpr std::array kForms = {
      //   head             recipient              lost             ended  foot       in the order of ListFormat
      Form{textHead,        textRecipient,         textLost,        false, ""},
      Form{jsonHead,        jsonRecipient,         jsonLost,        true,  "]}\n"},
      Form{postfixHead,     postfixRecipient,      postfixLost,     false, "\n"},
      Form{postfixJsonHead, postfixJsonRecipient,  postfixJsonLost, false, "]}\n"},
  };
  return kForms[static_cast<std::size_t>(format)];
}

}  // namespace

const char* nameOf(schedule::DestinationState state) {
  static constexpr const char* kNames[] = {"active", "retry", "frozen", "held", "asleep"};
  return kNames[static_cast<std::size_t>(state)];
}

std::string_view LocalTimes::words(const char* form, Kept& kept, WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  Words& found = kept[static_cast<std::size_t>(seconds) % kept.size()];
  if (found.of != seconds || found.length == 0) {
    Minute& minute = minutes_[static_cast<std::size_t>(seconds / 60) % minutes_.size()];
    if (minute.of != seconds / 60) ::localtime_r(&seconds, &minute.broken);
    minute.of = seconds / 60;
    minute.broken.tm_sec = static_cast<int>(seconds % 60);  // every zone of today is whole minutes off
    found.of = seconds;
    found.length = std::strftime(found.text.data(), found.text.size(), form, &minute.broken);
  }
  return {found.text.data(), found.length};
}

std::string_view postfixQueueOf(const Message& message) {
  if (message.hold != Hold::none) return "hold";
  return message.anyInFlight() ? "active" : "deferred";
}

const char* stateOf(const Message& message, const spool::LineReasons& lines) {
  if (message.hold == Hold::held) return "held";
  if (message.hold == Hold::frozen) return "frozen";
  for (const spool::RecipientNow& recipient : message.recipients) {
    if (recipient.inFlight || (recipient.waits() && lines.of(recipient.line).empty())) return "active";
  }
  for (const spool::RecipientNow& recipient : message.recipients) {
    const bool isPutOff = recipient.attempts > 0 || recipient.lastReply || recipient.hasReplyStored || recipient.due > message.arrived;
    if (recipient.state == RecipientState::pending && (recipient.waits() || isPutOff)) return "deferred";
  }
  return "active";
}

void appendJson(std::string& out, std::string_view text) {
  out += '"';
  const auto isPlain = [](char c) { return static_cast<unsigned char>(c) >= 32 && static_cast<unsigned char>(c) < 127 && c != '"' && c != '\\'; };
  if (std::all_of(text.begin(), text.end(), isPlain)) {
    out.append(text) += '"';
    return;
  }
  const bool isUtf8 = isAllAscii(text) || isValidUtf8(text);
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 32 || c == 127) {
          fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
        } else if (!isUtf8 && !isAscii(c)) {
          out += "\\ufffd";
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

std::string jsonString(std::string_view text) {
  std::string out;
  appendJson(out, text);
  return out;
}

std::optional<std::size_t> appendMessage(std::string& out, const Listed& listed, ListFormat format, LocalTimes& times, std::size_t first,
                                         std::size_t most) {
  const Form& form = formOf(format);
  Shown shown{out, listed, times, first == 0, {}, {}, 0};
  if (isLost(listed.record)) {
    form.lost(shown);
    out += form.foot;
    return std::nullopt;
  }
  if (shown.isFirst) form.head(shown);
  const std::vector<spool::RecipientView>& recipients = listed.record.recipients;
  for (std::size_t at = first; at < recipients.size(); ++at) {
    const bool isShown = form.hasEnded || recipients[at].state == RecipientState::pending;
    if (!isShown) continue;
    if (!shown.isFirst && out.size() >= most) return at;
    shown.at = at;
    form.recipient(shown, recipients[at]);
    shown.isFirst = false;
  }
  out += form.foot;
  return std::nullopt;
}

std::string_view messageFoot(ListFormat format) { return formOf(format).foot; }

void appendTranscripts(std::string& out, const std::vector<spool::Transcript>& transcripts, ListFormat format) {
  LocalTimes times;
  for (const spool::Transcript& transcript : transcripts) {
    if (format == ListFormat::json) {
      fmt::format_to(std::back_inserter(out), "{{\"attempt\":{},\"transcript\":{}}}\n", toUnixMillis(transcript.at) / 1000, jsonString(transcript.text));
      continue;
    }
    fmt::format_to(std::back_inserter(out), "    said {}\n", times.date(transcript.at));
    for (const std::string_view line : split(transcript.text, '\n')) {
      if (!line.empty()) fmt::format_to(std::back_inserter(out), "      {}\n", printable(line, 300));
    }
  }
}

std::string listHead(ListFormat format) {
  if (format != ListFormat::postfix) return {};
  return "---------Queue ID---------- --Size-- ----Arrival Time---- -Sender/Recipient-------\n";
}

std::string listFoot(ListFormat format, std::uint64_t octets, std::uint64_t messages) {
  if (format == ListFormat::text) {
    return messages == 0 ? "The queue is empty.\n" : fmt::format("{} message{}, {} KiB\n", messages, messages == 1 ? "" : "s", octets / 1024);
  }
  if (format != ListFormat::postfix) return {};
  return fmt::format("-- {} Kbytes in {} Request{}.\n", octets / 1024, messages, messages == 1 ? "" : "s");
}

}  // namespace ostler::control
