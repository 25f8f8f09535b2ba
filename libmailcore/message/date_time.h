// date_time.h - the dates of mail: the Date field, IMAP's INTERNALDATE and IMAP's day.
// RFC 5322 3.3 and 4.3 (obsolete zones), RFC 9051 9 (date, date-time).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "libmailcore/base/clock.h"

namespace ostler::message {

/// An instant and the zone it was written in.
struct DateTime {
  WallTime time;
  std::chrono::minutes zone{0};  ///< east of UTC
  bool operator==(const DateTime&) const = default;
  /// The day on the writer's calendar: what IMAP's SENTON and ON compare (RFC 9051 6.4.4).
  [[nodiscard]] std::chrono::sys_days localDay() const { return std::chrono::floor<std::chrono::days>(time + zone); }
};

/// Reads a Date field's value. Tolerant: no weekday, two-digit years, missing seconds, obsolete zones, comments,
/// asctime's order. Nothing when no date can be made of it, or for impossible values (February 30).
[[nodiscard]] std::optional<DateTime> parseDateTime(std::string_view raw);
/// `Sat, 21 Nov 2026 22:09:00 +0000`. RFC 5322 3.3.
[[nodiscard]] std::string formatDateTime(WallTime time, std::chrono::minutes zone = std::chrono::minutes{0});

/// `21-Nov-2026 22:09:00 +0000`, the day with a space or a zero in front, without the quotes. RFC 9051 9 (date-time).
/// Strict.
[[nodiscard]] std::optional<DateTime> parseInternalDate(std::string_view text);
/// As parseInternalDate() reads, 26 octets, the day with a space in front.
[[nodiscard]] std::string formatInternalDate(WallTime time, std::chrono::minutes zone = std::chrono::minutes{0});

/// `1-Nov-2026`, without quotes. RFC 9051 9 (date). Strict.
[[nodiscard]] std::optional<std::chrono::sys_days> parseImapDate(std::string_view text);
[[nodiscard]] std::string formatImapDate(std::chrono::sys_days day);

}  // namespace ostler::message
