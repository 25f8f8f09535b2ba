// retry.h - when a deferred recipient is tried again, told of, and given up. Pure of clocks: every time is handed in.
// RFC 5321 4.5.4.1: whichever of attempts and expiry comes first ends it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libmailcore/base/clock.h"
#include "libmailcore/config/config.h"
#include "queued/schedule/hours.h"

namespace ostler::schedule {

/// What follows a failed attempt.
struct Next {
  bool gaveUp = false;
  WallTime due{};  ///< of the next attempt, if not given up; never after the expiry
};

/// `attempts`: made so far, the one that just failed included.
[[nodiscard]] Next afterFailure(const config::RetrySchedule& schedule, WallTime arrived, unsigned attempts, WallTime now);
/// Of what was due and was not tried, as its host does not answer others: no attempt is used up, and time goes on. The interval is that
/// of a message as old which was tried each time, so that a long queue is not looked at more often than if it had been.
[[nodiscard]] Next withoutAttempt(const config::RetrySchedule& schedule, WallTime arrived, WallTime now);
[[nodiscard]] bool expired(const config::RetrySchedule& schedule, WallTime arrived, WallTime now);
[[nodiscard]] bool delayNoticeDue(const config::RetrySchedule& schedule, WallTime arrived, WallTime now);

/// One line of a message's life at a next hop that never answers: what `ostler queue simulate` prints.
struct Step {
  enum class Kind { attempt, delayNotice, gaveUp, waits } kind = Kind::attempt;
  WallTime at{};
  unsigned attempt = 0;
};
/// Windows of time in which mail goes out. See hours.h.
struct Windows {
  std::string hours;  ///< empty: always
  WallClock wall = localMinuteOfDay;
};
/// What a message has behind it: so many attempts have failed, and the next one is due then; and what its sender said of the time.
struct Begun {
  unsigned attempts = 0;
  WallTime due{};                         ///< zero: at once
  WallTime deadline = WallTime::max();    ///< RFC 2852
  bool isGivenBack = false;               ///< then; else it is told of as late
};
/// REQUIRES: an expiry or a limit of attempts; without both it ends after `most` steps. An attempt that no window is open for
/// waits for the next one (Kind::waits), or for the expiry.
[[nodiscard]] std::vector<Step> simulate(const config::RetrySchedule& schedule, WallTime arrived, const Windows& windows = {},
                                         std::size_t most = 1000, const Begun& begun = {});

}  // namespace ostler::schedule
