// format.h - a log line as octets: key=value text and JSON. Pure functions.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "libmailcore/base/clock.h"
#include "libmailcore/base/result.h"
#include "libmailcore/log/log.h"

namespace ostler::log {

/// One line's content, before it has a form.
struct Line {
  WallTime time;
  Level level = Level::info;
  std::string_view program;
  std::string_view module;
  std::string_view event;
  std::span<const Field> fields;
};

[[nodiscard]] std::string_view toText(Level level);
/// Errors: syntax.
[[nodiscard]] Result<Level> parseLevel(std::string_view word);

/// `2026-11-21T22:30:00.123Z info smtpd session-end client=192.0.2.1:1234 reason="said QUIT"` and LF. A value is quoted
/// when it is empty or holds anything but visible ASCII without `"`, `=` and `\`; inside quotes `"` and `\` are escaped
/// by `\`, control octets and invalid UTF-8 as \xHH. So one event is one line whatever a peer sent.
[[nodiscard]] std::string formatText(const Line& line);
/// One JSON object and LF (RFC 8259). Invalid UTF-8 comes as U+FFFD.
[[nodiscard]] std::string formatJson(const Line& line);
/// event and fields alone, without time and level: for syslog and journald, which have their own.
[[nodiscard]] std::string formatMessage(const Line& line);

/// What a syslog server gets: RFC 5424 6. `message` is the line's text.
[[nodiscard]] std::string formatSyslog(const Line& line, int priority, std::string_view machine, std::uint64_t pid,
                                       std::string_view message);

/// What the local one gets: `<22>Nov 22 05:00:00 imapd[17]: text`, in local time. RFC 3164 4.1 without the machine's name, as syslog(3).
[[nodiscard]] std::string formatLocalSyslog(const Line& line, int priority, std::uint64_t pid, std::string_view message);

}  // namespace ostler::log
