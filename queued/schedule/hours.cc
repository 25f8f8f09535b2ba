#include "queued/schedule/hours.h"

#include <algorithm>
#include <ctime>

#include "libmailcore/base/ascii.h"
#include "libmailcore/config/quantity.h"

namespace ostler::schedule {

namespace {

constexpr unsigned kDay = 24 * 60;
using HourWindows = std::vector<config::HourWindow>;

unsigned minutesTo(unsigned minute, unsigned from) { return (minute + kDay - from) % kDay; }

/// The first that is open then, over midnight, too.
const config::HourWindow* openAt(const HourWindows& windows, unsigned minute) {
  const auto isOpen = [minute](const config::HourWindow& window) { return minutesTo(minute, window.from) < minutesTo(window.to, window.from); };
  const auto found = std::find_if(windows.begin(), windows.end(), isOpen);
  return found == windows.end() ? nullptr : &*found;
}

/// When the clock on the wall shows `minute` next, if nobody sets it until then.
std::optional<WallTime> whenShown(unsigned minute, WallTime now, const WallClock& wall) {
  const WallTime then = std::chrono::floor<std::chrono::minutes>(now) + std::chrono::minutes(minutesTo(minute, wall(now)));
  return wall(then) == minute ? std::optional(then) : std::nullopt;
}

/// In a night in which the clock is set: minute by minute.
WallTime whenOpenIs(bool isOpen, const HourWindows& windows, WallTime now, const WallClock& wall) {
  WallTime then = std::chrono::floor<std::chrono::minutes>(now);
  for (unsigned minute = 0; minute < 2 * kDay; ++minute) {
    then += std::chrono::minutes(1);
    if ((openAt(windows, wall(then)) != nullptr) == isOpen) break;
  }
  return then;
}

}  // namespace

std::optional<WallTime> openUntil(std::string_view hours, WallTime now, const WallClock& wall) {
  if (hours.empty()) return WallTime::max();
  const auto windows = config::parseHours(hours);
  if (!windows) return WallTime::max();  // the configuration refused it: mail is not held for a mistake
  const config::HourWindow* const window = openAt(*windows, wall(now));
  if (window == nullptr) return std::nullopt;
  const std::optional<WallTime> end = whenShown(window->to, now, wall);
  return end ? *end : whenOpenIs(false, *windows, now, wall);
}

WallTime opensAt(std::string_view hours, WallTime now, const WallClock& wall) {
  const auto windows = config::parseHours(hours);
  if (hours.empty() || !windows) return now;
  const unsigned minute = wall(now);
  if (openAt(*windows, minute) != nullptr) return now;
  const auto next = std::min_element(windows->begin(), windows->end(), [minute](const config::HourWindow& a, const config::HourWindow& b) {
    return minutesTo(a.from, minute) < minutesTo(b.from, minute);
  });
  const std::optional<WallTime> begin = whenShown(next->from, now, wall);
  return begin ? *begin : whenOpenIs(true, *windows, now, wall);
}

unsigned localMinuteOfDay(WallTime now) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  std::tm broken{};
  ::localtime_r(&seconds, &broken);
  return static_cast<unsigned>(broken.tm_hour * 60 + broken.tm_min);
}

}  // namespace ostler::schedule
