#include "libmailcore/message/date_time.h"

#include <fmt/format.h>

#include <array>

#include "libmailcore/base/ascii.h"
#include "libmailcore/message/lexer.h"

namespace ostler::message {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> kWeekdays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
// What nanoseconds since 1970 in 64 bits can hold, with room for every zone.
constexpr int kFirstYear = 1700;
constexpr int kLastYear = 2260;

std::optional<unsigned> monthOf(std::string_view word) {
  for (unsigned i = 0; i < kMonths.size(); ++i) {
    if (startsWithIgnoreCase(word, kMonths[i])) return i + 1;
  }
  return std::nullopt;
}

/// Zones with letters. Single letters were defined the wrong way round in RFC 822, so all but Z tell nothing: RFC
/// 5322 4.3.
int zoneOf(std::string_view word) {
  constexpr std::array<std::pair<std::string_view, int>, 8> kZones = {
      {{"EST", -5}, {"EDT", -4}, {"CST", -6}, {"CDT", -5}, {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7}}};
  for (const auto& [name, hours] : kZones) {
    if (equalsIgnoreCase(word, name)) return hours * 60;
  }
  return 0;
}

struct Civil {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int zone = 0;
};

std::optional<std::chrono::sys_days> daysOf(int year, unsigned month, unsigned day) {
  if (year < kFirstYear || year > kLastYear) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date);
}

std::optional<DateTime> instantOf(const Civil& civil) {
  const auto day = daysOf(civil.year, civil.month, civil.day);
  const bool timeOk = civil.hour <= 23 && civil.minute <= 59 && civil.second <= 60;  // 60: a leap second
  if (!day || !timeOk) return std::nullopt;
  const std::chrono::minutes zone(civil.zone);
  return DateTime{*day + std::chrono::hours(civil.hour) + std::chrono::minutes(civil.minute) +
                      std::chrono::seconds(civil.second) - zone,
                  zone};
}

/// Reads the words of a date in whatever order they come.
class DateReader {
 public:
  explicit DateReader(std::string_view raw) : in_(raw) {}

  std::optional<DateTime> read() {
    for (in_.skipCfws(); !in_.atEnd(); in_.skipCfws()) {
      const char c = in_.peek();
      if (isAsciiDigit(c)) {
        digits();
      } else if (isAsciiAlpha(c)) {
        word();
      } else if ((c == '+' || c == '-') && timeSeen_) {
        numericZone();
      } else {
        in_.skip();
      }
    }
    if (!daySeen_ || !yearSeen_ || civil_.month == 0) return std::nullopt;
    return instantOf(civil_);
  }

 private:
  std::string_view take(bool (*wanted)(char)) {
    const std::string_view rest = in_.rest();
    std::size_t length = 0;
    while (length < rest.size() && wanted(rest[length])) ++length;
    in_.skip(length);
    return rest.substr(0, length);
  }
  static bool isDigit(char c) { return isAsciiDigit(c); }
  static bool isLetter(char c) { return isAsciiAlpha(c); }

  // A day, a year or the hour of a time: RFC 5322 3.3; years of two or three digits: 4.3.
  void digits() {
    const std::string_view text = take(&isDigit);
    const auto number = static_cast<int>(parseDecimal(text, 99'999).value_or(99'999));
    in_.skipCfws();
    if (in_.peek() == ':' && !timeSeen_) return time(number);
    if (!daySeen_ && number <= 31 && text.size() <= 2) {
      daySeen_ = true;
      civil_.day = static_cast<unsigned>(number);
    } else if (!yearSeen_) {
      yearSeen_ = true;
      civil_.year = text.size() == 2 ? number + (number < 50 ? 2000 : 1900) : text.size() == 3 ? number + 1900 : number;
    }
  }

  void time(int hour) {
    timeSeen_ = true;
    civil_.hour = hour;
    in_.skip();
    civil_.minute = number();
    if (in_.accept(':')) civil_.second = number();
    if (in_.accept('.')) take(&isDigit);
  }
  int number() {
    in_.skipCfws();
    const auto number = static_cast<int>(parseDecimal(take(&isDigit), 1'000).value_or(0));
    in_.skipCfws();
    return number;
  }

  // zone = ("+" / "-") 4DIGIT; "+1:00" and "+1" are seen.
  void numericZone() {
    const int sign = in_.peek() == '-' ? -1 : 1;
    in_.skip();
    const std::string_view text = take(&isDigit);
    const auto number = static_cast<int>(parseDecimal(text, 9'999).value_or(0));
    int minutes = text.size() <= 2 ? number * 60 : number / 100 * 60 + number % 100;
    if (text.size() <= 2 && in_.accept(':')) minutes += static_cast<int>(parseDecimal(take(&isDigit), 59).value_or(0));
    if (!text.empty() && minutes < 24 * 60) civil_.zone = sign * minutes;
  }

  void word() {
    const std::string_view text = take(&isLetter);
    if (civil_.month == 0) {
      if (const auto month = monthOf(text)) {
        civil_.month = *month;
        return;
      }
    }
    if (timeSeen_ && civil_.zone == 0) civil_.zone = zoneOf(text);
  }

  Lexer in_;
  Civil civil_;
  bool daySeen_ = false;
  bool yearSeen_ = false;
  bool timeSeen_ = false;
};

std::string zoneText(std::chrono::minutes zone) {
  const auto minutes = zone.count();
  const auto absolute = minutes < 0 ? -minutes : minutes;
  return fmt::format("{}{:02}{:02}", minutes < 0 ? '-' : '+', absolute / 60, absolute % 60);
}

struct Written {
  std::chrono::year_month_day date;
  std::chrono::hh_mm_ss<std::chrono::seconds> time;
  unsigned weekday;
};
Written writtenIn(WallTime time, std::chrono::minutes zone) {
  const auto local = std::chrono::floor<std::chrono::seconds>(time + zone);
  const auto day = std::chrono::floor<std::chrono::days>(local);
  return {std::chrono::year_month_day(day), std::chrono::hh_mm_ss(local - day), std::chrono::weekday(day).c_encoding()};
}

std::string_view monthName(const std::chrono::year_month_day& date) {
  return kMonths[static_cast<unsigned>(date.month()) - 1];
}

/// `dd-Mon-yyyy` at the start of `text`; takes it off.
std::optional<std::chrono::sys_days> takeImapDay(std::string_view& text) {
  const std::size_t dash = text.find('-');
  if (dash == 0 || dash > 2 || text.size() < dash + 9 || text[dash + 4] != '-') return std::nullopt;
  const auto day = parseDecimal(text.substr(0, dash), 31);
  const auto month = monthOf(text.substr(dash + 1, 3));
  const auto year = parseDecimal(text.substr(dash + 5, 4), 9'999);
  if (!day || !month || !year) return std::nullopt;
  text.remove_prefix(dash + 9);
  return daysOf(static_cast<int>(*year), *month, static_cast<unsigned>(*day));
}

}  // namespace

std::optional<DateTime> parseDateTime(std::string_view raw) {
  return DateReader(raw).read();
}

std::string formatDateTime(WallTime time, std::chrono::minutes zone) {
  const Written w = writtenIn(time, zone);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} {}", kWeekdays[w.weekday],
                     static_cast<unsigned>(w.date.day()), monthName(w.date), static_cast<int>(w.date.year()),
                     w.time.hours().count(), w.time.minutes().count(), w.time.seconds().count(), zoneText(zone));
}

// date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE
std::optional<DateTime> parseInternalDate(std::string_view text) {
  if (text.starts_with(' ')) text.remove_prefix(1);
  const auto day = takeImapDay(text);
  if (!day || text.size() != 15 || text[0] != ' ' || text[3] != ':' || text[6] != ':' || text[9] != ' ')
    return std::nullopt;
  const auto hour = parseDecimal(text.substr(1, 2), 23);
  const auto minute = parseDecimal(text.substr(4, 2), 59);
  const auto second = parseDecimal(text.substr(7, 2), 60);
  const auto zoneHours = parseDecimal(text.substr(11, 2), 23);
  const auto zoneMinutes = parseDecimal(text.substr(13, 2), 59);
  if (!hour || !minute || !second || !zoneHours || !zoneMinutes || (text[10] != '+' && text[10] != '-'))
    return std::nullopt;
  const auto absolute = std::chrono::minutes(static_cast<int>(*zoneHours * 60 + *zoneMinutes));
  const std::chrono::minutes zone = text[10] == '-' ? -absolute : absolute;
  return DateTime{
      *day + std::chrono::hours(*hour) + std::chrono::minutes(*minute) + std::chrono::seconds(*second) - zone, zone};
}

std::string formatInternalDate(WallTime time, std::chrono::minutes zone) {
  const Written w = writtenIn(time, zone);
  return fmt::format("{:2}-{}-{:04} {:02}:{:02}:{:02} {}", static_cast<unsigned>(w.date.day()), monthName(w.date),
                     static_cast<int>(w.date.year()), w.time.hours().count(), w.time.minutes().count(),
                     w.time.seconds().count(), zoneText(zone));
}

std::optional<std::chrono::sys_days> parseImapDate(std::string_view text) {
  const auto day = takeImapDay(text);
  return text.empty() ? day : std::nullopt;
}

std::string formatImapDate(std::chrono::sys_days day) {
  const std::chrono::year_month_day date(day);
  return fmt::format("{}-{}-{:04}", static_cast<unsigned>(date.day()), monthName(date), static_cast<int>(date.year()));
}

}  // namespace ostler::message
