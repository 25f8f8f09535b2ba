#include "queued/schedule/hours.h"

#include <algorithm>
#include <ctime>

#include "libmailcore/base/ascii.h"
#include "libmailcore/config/quantity.h"

namespace ostler::schedule {

std::optional<WallTime> openUntil(std::string_view hours, WallTime now, unsigned minuteOfDay) {
  constexpr unsigned kDay = 24 * 60;
  if (hours.empty()) return WallTime::max();
  const auto windows = config::parseHours(hours);
  if (!windows) return WallTime::max();  // the configuration refused it: mail is not held for a mistake
  for (const config::HourWindow& window : *windows) {
    const unsigned length = (window.to + kDay - window.from) % kDay;  // over midnight, too
    const unsigned since = (minuteOfDay + kDay - window.from) % kDay;
    if (since < length) return now + std::chrono::minutes(length - since);
  }
  return std::nullopt;
}

WallTime opensAt(std::string_view hours, WallTime now, unsigned minuteOfDay) {
  constexpr unsigned kDay = 24 * 60;
  if (openUntil(hours, now, minuteOfDay)) return now;
  unsigned soonest = kDay;
  const auto windows = config::parseHours(hours);
  for (const config::HourWindow& window : *windows) soonest = std::min(soonest, (window.from + kDay - minuteOfDay % kDay) % kDay);
  return now + std::chrono::minutes(soonest);
}

unsigned localMinuteOfDay(WallTime now) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  std::tm broken{};
  ::localtime_r(&seconds, &broken);
  return static_cast<unsigned>(broken.tm_hour * 60 + broken.tm_min);
}

}  // namespace ostler::schedule
