// hours.h - windows of time in which mail goes out, for lines that cost money or sleep at night: "22:00-06:00". Pure.
// A window is what the administrator's clock on the wall shows. In a night in which that clock is set, a window is as much longer or
// shorter; one that lies in the hour that is skipped does not open, one in the hour that comes twice opens twice.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "libmailcore/base/clock.h"
#include "libmailcore/config/config.h"

namespace ostler::schedule {

/// What the clock on the wall shows then, in minutes since midnight.
using WallClock = std::function<unsigned(WallTime)>;

/// Until when the window that `now` lies in is open; nothing while none is. Empty hours: always open.
[[nodiscard]] std::optional<WallTime> openUntil(std::string_view hours, WallTime now, const WallClock& wall);
/// When a window is open next: `now` while one is.
[[nodiscard]] WallTime opensAt(std::string_view hours, WallTime now, const WallClock& wall);
/// WallClock of the machine's time zone: of the environment's TZ, else of /etc/localtime.
[[nodiscard]] unsigned localMinuteOfDay(WallTime now);

}  // namespace ostler::schedule
