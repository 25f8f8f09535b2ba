#include "queued/schedule/retry.h"

#include <algorithm>

namespace ostler::schedule {

namespace {

std::chrono::seconds intervalAfter(const config::RetrySchedule& schedule, unsigned attempts) {
  switch (attempts) {
    case 0:
    case 1: return schedule.first;
    case 2: return schedule.second;
    case 3: return schedule.third;
    default: return schedule.subsequent;
  }
}

}  // namespace

bool expired(const config::RetrySchedule& schedule, WallTime arrived, WallTime now) {
  return schedule.expiry.count() > 0 && now >= arrived + schedule.expiry;
}

bool delayNoticeDue(const config::RetrySchedule& schedule, WallTime arrived, WallTime now) {
  return schedule.delayNotice.count() > 0 && now >= arrived + schedule.delayNotice;
}

Next afterFailure(const config::RetrySchedule& schedule, WallTime arrived, unsigned attempts, WallTime now) {
  const bool noneLeft = schedule.attempts && attempts >= std::max(*schedule.attempts, 1U);
  if (noneLeft || expired(schedule, arrived, now)) return {true, {}};
  // An interval of 0 would try without a pause for ever.
  WallTime due = now + std::max(intervalAfter(schedule, attempts), std::chrono::seconds(1));
  if (schedule.expiry.count() > 0) due = std::min(due, arrived + schedule.expiry);
  return {false, due};
}

Next withoutAttempt(const config::RetrySchedule& schedule, WallTime arrived, WallTime now) {
  config::RetrySchedule endless = schedule;
  endless.attempts.reset();
  unsigned wouldBe = 1;
  for (WallTime at = arrived + schedule.first; wouldBe < 4 && at <= now; at += intervalAfter(schedule, wouldBe)) ++wouldBe;
  return afterFailure(endless, arrived, wouldBe, now);
}

std::vector<Step> simulate(const config::RetrySchedule& schedule, WallTime arrived, const Windows& windows, std::size_t most, const Begun& begun) {
  std::vector<Step> steps;
  bool told = false;
  const auto tellDelay = [&](WallTime until, unsigned attempt) {
    const WallTime bySchedule = delayNoticeDue(schedule, arrived, until) ? arrived + schedule.delayNotice : WallTime::max();
    const WallTime notice = begun.isGivenBack ? bySchedule : std::min(bySchedule, begun.deadline);
    if (told || notice > until) return;
    told = true;
    steps.push_back({Step::Kind::delayNotice, notice, attempt});
  };
  WallTime now = std::max(arrived, begun.due);
  if (begun.attempts > 0) tellDelay(now, begun.attempts);
  for (unsigned attempt = begun.attempts + 1; steps.size() < most; ++attempt) {
    if (begun.isGivenBack && now >= begun.deadline) {
      steps.push_back({Step::Kind::gaveUp, begun.deadline, attempt});
      break;
    }
    const WallTime opens = opensAt(windows.hours, now, windows.wall);
    if (opens > now) {
      steps.push_back({Step::Kind::waits, now, attempt});
      const WallTime end = schedule.expiry.count() > 0 ? arrived + schedule.expiry : WallTime::max();
      if (opens >= end) {
        steps.push_back({Step::Kind::gaveUp, end, attempt});
        break;
      }
      now = opens;
    }
    steps.push_back({Step::Kind::attempt, now, attempt});
    const Next next = afterFailure(schedule, arrived, attempt, now);
    if (next.gaveUp) {
      steps.push_back({Step::Kind::gaveUp, now, attempt});
      break;
    }
    tellDelay(next.due, attempt);
    now = next.due;
  }
  return steps;
}

}  // namespace ostler::schedule
