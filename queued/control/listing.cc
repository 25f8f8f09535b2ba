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
std::string_view reasonOf(const spool::MessageView& record, const spool::RecipientView& recipient, LocalTimes& times, std::string& room) {
  const WallTime until = record.handling.holdUntil;
  const bool isHeldBack = until != WallTime{} && recipient.attempts == 0 && toUnixMillis(recipient.due) == toUnixMillis(until);
  if (!isHeldBack) return recipient.lastReply;
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

void appendText(std::string& out, const Listed& listed, LocalTimes& times) {
  append(out, listed.record.id.text(), "  ");
  appendLeft(out, stateOf(listed.message), 8);
  out += ' ';
  appendRight(out, digits(fmt::format_int(listed.record.size)), 9);
  append(out, "  ", times.date(listed.record.arrived), "  from=<", listed.record.reversePath, ">\n");
  std::string room;
  for (const spool::RecipientView& recipient : listed.record.recipients) {
    if (recipient.state != RecipientState::pending) continue;
    append(out, "    to=<", recipient.forwardPath, "> attempts=", digits(fmt::format_int(recipient.attempts)));
    if (recipient.attempts > 0) append(out, " next=", times.date(recipient.due));
    const std::string_view reason = reasonOf(listed.record, recipient, times, room);
    if (!reason.empty()) append(out, "\n      ", printable(reason, 300));
    out += '\n';
  }
}

/// `postqueue -p`: the columns of Postfix with long queue ids.
void appendPostfix(std::string& out, const Listed& listed, LocalTimes& times) {
  const char* mark = listed.message.hold != Hold::none ? "!" : listed.message.anyInFlight() ? "*" : "";
  appendLeft(out, listed.record.id.text() + mark, 27);
  out += ' ';
  appendRight(out, digits(fmt::format_int(listed.record.size)), 8);
  out += ' ';
  appendLeft(out, times.ctime(listed.record.arrived), 20);
  append(out, " ", orNull(listed.record.reversePath), "\n");
  std::string room;
  std::string_view lastReason;
  for (const spool::RecipientView& recipient : listed.record.recipients) {
    if (recipient.state != RecipientState::pending) continue;
    const std::string_view reason = reasonOf(listed.record, recipient, times, room);
    if (!reason.empty() && reason != lastReason) {
      lastReason = reason;
      fmt::format_to(std::back_inserter(out), "{:>57}\n", "(" + printable(lastReason, 300) + ")");
    }
    out.append(58, ' ');
    append(out, recipient.forwardPath, "\n");
  }
  out += '\n';
}

void appendPostfixJson(std::string& out, const Listed& listed, LocalTimes& times) {
  const char* queue = listed.message.hold != Hold::none ? "hold" : listed.message.anyInFlight() ? "active" : "deferred";
  append(out, R"({"queue_name": ")", queue, R"(", "queue_id": ")", listed.record.id.text(), R"(", "arrival_time": )",
         digits(fmt::format_int(toUnixMillis(listed.record.arrived) / 1000)), R"(, "message_size": )",
         digits(fmt::format_int(listed.record.size)), R"(, "forced_expire": false, "sender": )");
  appendJson(out, orNull(listed.record.reversePath));
  out += ", \"recipients\": [";
  std::string room;
  const char* comma = "";
  for (const spool::RecipientView& recipient : listed.record.recipients) {
    if (recipient.state != RecipientState::pending) continue;
    append(out, comma, "{\"address\": ");
    comma = ", ";
    appendJson(out, recipient.forwardPath);
    const std::string_view reason = reasonOf(listed.record, recipient, times, room);
    if (!reason.empty()) {
      out += ", \"delay_reason\": ";
      appendJson(out, reason);
    }
    out += '}';
  }
  out += "]}\n";
}

void appendOwnJson(std::string& out, const Listed& listed, LocalTimes& times) {
  const spool::MessageView& record = listed.record;
  append(out, R"({"id":")", record.id.text(), R"(","state":")", stateOf(listed.message), R"(","size":)",
         digits(fmt::format_int(record.size)), R"(,"arrived":)", digits(fmt::format_int(toUnixMillis(record.arrived) / 1000)),
         R"(,"service":")", record.origin.service, R"(","from":)");
  appendJson(out, record.reversePath);
  out += ",\"client\":";
  appendJson(out, record.origin.client);
  out += ",\"user\":";
  appendJson(out, record.origin.user);
  out += ",\"recipients\":[";
  std::string room;
  for (std::size_t at = 0; at < record.recipients.size(); ++at) {
    const spool::RecipientView& recipient = record.recipients[at];
    out += at == 0 ? "{\"to\":" : ",{\"to\":";
    appendJson(out, recipient.forwardPath);
    append(out, R"(,"state":")", nameOf(recipient.state), R"(","attempts":)", digits(fmt::format_int(recipient.attempts)),
           R"(,"due":)", digits(fmt::format_int(toUnixMillis(recipient.due) / 1000)), R"(,"reason":)");
    appendJson(out, reasonOf(record, recipient, times, room));
    out += '}';
  }
  out += "]}\n";
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

const char* stateOf(const Message& message) {
  if (message.hold == Hold::held) return "held";
  if (message.hold == Hold::frozen) return "frozen";
  for (const spool::RecipientNow& recipient : message.recipients) {
    if (recipient.inFlight || recipient.waits()) return "active";
  }
  for (const spool::RecipientNow& recipient : message.recipients) {
    if (recipient.attempts > 0) return "deferred";
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

void appendMessage(std::string& out, const Listed& listed, ListFormat format, LocalTimes& times) {
  switch (format) {
    case ListFormat::text: return appendText(out, listed, times);
    case ListFormat::json: return appendOwnJson(out, listed, times);
    case ListFormat::postfix: return appendPostfix(out, listed, times);
    case ListFormat::postfixJson: return appendPostfixJson(out, listed, times);
  }
}

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
