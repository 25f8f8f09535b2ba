#include "libmailcore/log/format.h"

#include <algorithm>
#include <ctime>

#include <fmt/format.h>

#include "libmailcore/base/ascii.h"

namespace ostler::log {
namespace {

constexpr std::string_view kLevelNames[] = {"trace", "debug", "info", "warn", "error"};

/// RFC 3339 in UTC with milliseconds.
std::string timeText(WallTime time) {
  const std::int64_t millis = toUnixMillis(time);
  const std::time_t whole = static_cast<std::time_t>(millis / 1000);
  std::tm parts{};
  ::gmtime_r(&whole, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, millis % 1000);
}

/// The length of the valid UTF-8 character at the front, or 0.
std::size_t characterLength(std::string_view text) {
  for (std::size_t length = 1; length <= 4 && length <= text.size(); ++length) {
    if (isValidUtf8(text.substr(0, length))) return length;
  }
  return 0;
}

bool isBare(std::string_view value) {
  for (const char c : value) {
    if (c <= ' ' || c == 127 || !isAscii(c) || c == '"' || c == '=' || c == '\\') return false;
  }
  return !value.empty();
}

void appendValue(std::string& out, std::string_view value) {
  if (isBare(value)) {
    out += value;
    return;
  }
  out += '"';
  while (!value.empty()) {
    const std::size_t length = characterLength(value);
    const char c = value.front();
    if (length == 0 || isAsciiControl(c)) {
      out += "\\x" + toHex(value.substr(0, 1));
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += value.substr(0, length);
    }
    value.remove_prefix(length == 0 ? 1 : length);
  }
  out += '"';
}

void appendJson(std::string& out, std::string_view value) {
  out += '"';
  while (!value.empty()) {
    const std::size_t length = characterLength(value);
    const char c = value.front();
    if (length == 0) {
      out += "\xEF\xBF\xBD";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (isAsciiControl(c)) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out += value.substr(0, length);
    }
    value.remove_prefix(length == 0 ? 1 : length);
  }
  out += '"';
}

void appendJsonMember(std::string& out, std::string_view key, std::string_view value) {
  appendJson(out, key);
  out += ':';
  appendJson(out, value);
}

}  // namespace

std::string_view toText(Level level) {
  return kLevelNames[static_cast<std::size_t>(level)];
}

Result<Level> parseLevel(std::string_view word) {
  for (std::size_t at = 0; at < std::size(kLevelNames); ++at) {
    if (word == kLevelNames[at]) return static_cast<Level>(at);
  }
  return fail(Error::Kind::syntax, "the log levels are trace, debug, info, warn and error");
}

std::string formatMessage(const Line& line) {
  std::string out(line.event);
  for (const Field& field : line.fields) {
    out += ' ';
    out += field.key;
    out += '=';
    appendValue(out, field.value);
  }
  return out;
}

std::string formatText(const Line& line) {
  std::string out = timeText(line.time);
  out += ' ';
  out += toText(line.level);
  out += ' ';
  out += line.program;
  if (!line.module.empty()) {
    out += '/';
    out += line.module;
  }
  out += ' ';
  out += formatMessage(line);
  out += '\n';
  return out;
}

std::string formatJson(const Line& line) {
  std::string out = "{";
  appendJsonMember(out, "time", timeText(line.time));
  out += ',';
  appendJsonMember(out, "level", toText(line.level));
  out += ',';
  appendJsonMember(out, "program", line.program);
  if (!line.module.empty()) {
    out += ',';
    appendJsonMember(out, "module", line.module);
  }
  out += ',';
  appendJsonMember(out, "event", line.event);
  for (const Field& field : line.fields) {
    out += ',';
    appendJsonMember(out, field.key, field.value);
  }
  out += "}\n";
  return out;
}

std::string formatSyslog(const Line& line, int priority, std::string_view machine, std::uint64_t pid,
                         std::string_view message) {
  std::string program(line.program.substr(0, 48));  // APP-NAME: printable US-ASCII, 48 at most
  std::replace(program.begin(), program.end(), '/', '-');
  const std::string_view event = line.event.substr(0, 32);  // MSGID
  return fmt::format("<{}>1 {} {} {} {} {} - {}", priority, timeText(line.time), machine, program, pid,
                     event.empty() ? "-" : event, message);
}

std::string formatLocalSyslog(const Line& line, int priority, std::uint64_t pid, std::string_view message) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(line.time);
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  char time[32];
  const std::size_t length = std::strftime(time, sizeof time, "%b %e %H:%M:%S", &parts);
  return fmt::format("<{}>{} {}[{}]: {}", priority, std::string_view(time, length), line.program, pid, message);
}

}  // namespace ostler::log
