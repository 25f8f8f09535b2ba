#include "queued/control/listing.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "libmailcore/base/ascii.h"

namespace ostler::control {

namespace {

using spool::Hold;
using spool::Message;
using spool::MessageRecord;
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

std::string orNull(std::string_view reversePath) { return reversePath.empty() ? "MAILER-DAEMON" : std::string(reversePath); }

void appendText(std::string& out, const Listed& listed, LocalTimes& times) {
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "{}  {:<8} {:>9}  {}  from=<{}>\n", listed.record.id.text(), stateOf(listed.message), listed.record.size,
                 times.date(listed.record.arrived), listed.record.reversePath);
  for (const spool::RecipientRecord& recipient : listed.record.recipients) {
    if (recipient.state != RecipientState::pending) continue;
    fmt::format_to(to, "    to=<{}> attempts={}", recipient.recipient.forwardPath, recipient.attempts);
    if (recipient.attempts > 0) fmt::format_to(to, " next={}", times.date(recipient.due));
    if (!recipient.lastReply.empty()) fmt::format_to(to, "\n      {}", printable(recipient.lastReply, 300));
    out += '\n';
  }
}

/// `postqueue -p`: the columns of Postfix with long queue ids.
void appendPostfix(std::string& out, const Listed& listed, LocalTimes& times) {
  const char* mark = listed.message.hold != Hold::none ? "!" : listed.message.anyInFlight() ? "*" : "";
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "{:<27} {:>8} {:<20} {}\n", listed.record.id.text() + mark, listed.record.size,
                 times.ctime(listed.record.arrived), orNull(listed.record.reversePath));
  std::string lastReason;
  for (const spool::RecipientRecord& recipient : listed.record.recipients) {
    if (recipient.state != RecipientState::pending) continue;
    if (!recipient.lastReply.empty() && recipient.lastReply != lastReason) {
      lastReason = recipient.lastReply;
      fmt::format_to(to, "{:>57}\n", "(" + printable(lastReason, 300) + ")");
    }
    fmt::format_to(to, "{:>58}{}\n", "", recipient.recipient.forwardPath);
  }
  out += '\n';
}

void appendPostfixJson(std::string& out, const Listed& listed) {
  const char* queue = listed.message.hold != Hold::none ? "hold" : listed.message.anyInFlight() ? "active" : "deferred";
  const auto to = std::back_inserter(out);
  fmt::format_to(to,
                 R"({{"queue_name": "{}", "queue_id": "{}", "arrival_time": {}, "message_size": {}, "forced_expire": false, "sender": )",
                 queue, listed.record.id.text(), toUnixMillis(listed.record.arrived) / 1000, listed.record.size);
  appendJson(out, orNull(listed.record.reversePath));
  out += ", \"recipients\": [";
  const char* comma = "";
  for (const spool::RecipientRecord& recipient : listed.record.recipients) {
    if (recipient.state != RecipientState::pending) continue;
    out += comma;
    comma = ", ";
    out += "{\"address\": ";
    appendJson(out, recipient.recipient.forwardPath);
    if (!recipient.lastReply.empty()) {
      out += ", \"delay_reason\": ";
      appendJson(out, recipient.lastReply);
    }
    out += '}';
  }
  out += "]}\n";
}

void appendOwnJson(std::string& out, const Listed& listed) {
  const MessageRecord& record = listed.record;
  const auto to = std::back_inserter(out);
  fmt::format_to(to, R"({{"id":"{}","state":"{}","size":{},"arrived":{},"service":"{}","from":)", record.id.text(),
                 stateOf(listed.message), record.size, toUnixMillis(record.arrived) / 1000, record.origin.service);
  appendJson(out, record.reversePath);
  out += ",\"client\":";
  appendJson(out, record.origin.client);
  out += ",\"user\":";
  appendJson(out, record.origin.user);
  out += ",\"recipients\":[";
  for (std::size_t at = 0; at < record.recipients.size(); ++at) {
    const spool::RecipientRecord& recipient = record.recipients[at];
    out += at == 0 ? "{\"to\":" : ",{\"to\":";
    appendJson(out, recipient.recipient.forwardPath);
    fmt::format_to(to, R"(,"state":"{}","attempts":{},"due":{},"reason":)", nameOf(recipient.state), recipient.attempts,
                   toUnixMillis(recipient.due) / 1000);
    appendJson(out, recipient.lastReply);
    out += '}';
  }
  out += "]}\n";
}

}  // namespace

const std::tm& LocalTimes::at(WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  if (minute_ == -1 || seconds / 60 != minute_) ::localtime_r(&seconds, &broken_);
  minute_ = seconds / 60;
  broken_.tm_sec = static_cast<int>(seconds % 60);  // every zone of today is whole minutes off
  return broken_;
}

std::string_view LocalTimes::date(WallTime time) {
  const std::tm& t = at(time);
  const auto end = fmt::format_to_n(text_, sizeof text_, "{:04}-{:02}-{:02} {:02}:{:02}:{:02}", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
  return {text_, std::min(end.size, sizeof text_)};
}

std::string_view LocalTimes::ctime(WallTime time) { return {text_, std::strftime(text_, sizeof text_, "%a %b %e %H:%M:%S", &at(time))}; }

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
    case ListFormat::json: return appendOwnJson(out, listed);
    case ListFormat::postfix: return appendPostfix(out, listed, times);
    case ListFormat::postfixJson: return appendPostfixJson(out, listed);
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
