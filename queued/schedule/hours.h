// hours.h - windows of time in which mail goes out, for lines that cost money or sleep at night: "22:00-06:00". Pure.
#pragma once

#include <optional>
#include <string_view>

#include "libmailcore/base/clock.h"
#include "libmailcore/config/config.h"

namespace ostler::schedule {

/// Until when the window that `now` lies in is open; nothing while none is. `minuteOfDay`: of `now`, on the wall clock of the
/// administrator. Empty hours: always open.
[[nodiscard]] std::optional<WallTime> openUntil(std::string_view hours, WallTime now, unsigned minuteOfDay);
/// When a window is open next: `now` while one is.
[[nodiscard]] WallTime opensAt(std::string_view hours, WallTime now, unsigned minuteOfDay);
/// The machine's local time, in minutes since midnight.
[[nodiscard]] unsigned localMinuteOfDay(WallTime now);

}  // namespace ostler::schedule
