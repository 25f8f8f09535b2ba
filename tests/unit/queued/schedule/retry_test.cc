#include "queued/schedule/retry.h"

#include <catch2/catch.hpp>

using namespace ostler;
using namespace ostler::schedule;
using namespace std::chrono_literals;

namespace {
const WallTime kArrival{std::chrono::hours(480'000)};

WallClock startingAt(WallTime at, unsigned minute) {
  return [at, minute](WallTime then) { return static_cast<unsigned>((minute + (then - at) / std::chrono::minutes(1)) % (24 * 60)); };
}
}

TEST_CASE("the shipped schedule tries after 15, 30, 60 and then every 60 minutes") {
  const config::RetrySchedule retry;
  CHECK(afterFailure(retry, kArrival, 1, kArrival).due == kArrival + 15min);
  CHECK(afterFailure(retry, kArrival, 2, kArrival + 15min).due == kArrival + 45min);
  CHECK(afterFailure(retry, kArrival, 3, kArrival + 45min).due == kArrival + 105min);
  CHECK(afterFailure(retry, kArrival, 9, kArrival + 300min).due == kArrival + 360min);
}

TEST_CASE("whichever of attempts and expiry comes first ends a message") {
  config::RetrySchedule retry;
  retry.attempts = 3;
  CHECK_FALSE(afterFailure(retry, kArrival, 2, kArrival + 1h).gaveUp);
  CHECK(afterFailure(retry, kArrival, 3, kArrival + 1h).gaveUp);
  CHECK(afterFailure(retry, kArrival, 2, kArrival + 5 * 24h).gaveUp);
}

TEST_CASE("attempts 0 means the first failure is the last") {
  config::RetrySchedule retry;
  retry.attempts = 0;
  CHECK(afterFailure(retry, kArrival, 1, kArrival).gaveUp);
}

TEST_CASE("what was due and not tried uses up no attempt, waits as long as one of its age that was tried, and ends with its time") {
  config::RetrySchedule retry;
  retry.attempts = 0;
  struct Row {
    std::chrono::minutes age;
    std::chrono::minutes pause;
  };
  for (const Row& row : {Row{0min, 15min}, Row{14min, 15min}, Row{15min, 30min}, Row{44min, 30min}, Row{45min, 60min}, Row{105min, 60min}, Row{4000min, 60min}}) {
    INFO(row.age.count());
    const Next next = withoutAttempt(retry, kArrival, kArrival + row.age);
    CHECK_FALSE(next.gaveUp);
    CHECK(next.due == kArrival + row.age + row.pause);
  }
  CHECK(withoutAttempt(retry, kArrival, kArrival + 5 * 24h).gaveUp);
  CHECK(withoutAttempt(retry, kArrival, kArrival + 5 * 24h - 10min).due == kArrival + 5 * 24h);
  retry.first = retry.second = retry.third = retry.subsequent = 0s;
  CHECK(withoutAttempt(retry, kArrival, kArrival).due == kArrival + 1s);
}

TEST_CASE("the last attempt is made when the time is over, not an interval later") {
  const config::RetrySchedule retry;
  CHECK(afterFailure(retry, kArrival, 90, kArrival + 5 * 24h - 10min).due == kArrival + 5 * 24h);
}

TEST_CASE("a message that is never taken is told of once after 12 hours and given up after five days") {
  const auto steps = simulate(config::RetrySchedule{}, kArrival);
  REQUIRE(steps.back().kind == Step::Kind::gaveUp);
  CHECK(steps.back().at == kArrival + 5 * 24h);
  const auto notices = std::count_if(steps.begin(), steps.end(), [](const Step& s) { return s.kind == Step::Kind::delayNotice; });
  CHECK(notices == 1);
}

TEST_CASE("what its sender says of the time counts beside the schedule: a hold, and a deadline") {
  using Kind = Step::Kind;
  const auto held = simulate(config::RetrySchedule{}, kArrival + 1h, {}, 1000, {0, kArrival + 1h});
  CHECK(held.front().at == kArrival + 1h);
  CHECK(held.back().at == kArrival + 1h + 5 * 24h);
  const auto givenBack = simulate(config::RetrySchedule{}, kArrival, {}, 1000, {0, {}, kArrival + 20min, true});
  REQUIRE(givenBack.size() == 3);
  CHECK(givenBack[1].at == kArrival + 15min);
  CHECK(givenBack[2].kind == Kind::gaveUp);
  CHECK(givenBack[2].at == kArrival + 20min);
  const auto late = simulate(config::RetrySchedule{}, kArrival, {}, 1000, {0, {}, kArrival + 20min, false});
  const auto notice = std::find_if(late.begin(), late.end(), [](const Step& step) { return step.kind == Kind::delayNotice; });
  REQUIRE(notice != late.end());
  CHECK(notice->at == kArrival + 20min);
  CHECK(std::count_if(late.begin(), late.end(), [](const Step& step) { return step.kind == Kind::delayNotice; }) == 1);
  CHECK(late.back().at == kArrival + 5 * 24h);
}

TEST_CASE("twenty tries every thirty minutes end after nine and a half hours") {
  config::RetrySchedule retry;
  retry.first = retry.second = retry.third = retry.subsequent = 30min;
  retry.attempts = 20;
  const auto steps = simulate(retry, kArrival);
  CHECK(steps.back().at == kArrival + 19 * 30min);
}

TEST_CASE("on a line that is up at night an attempt waits for the evening, and the expiry does not") {
  config::RetrySchedule retry;
  retry.expiry = 20h;
  const auto steps = simulate(retry, kArrival, {"22:00-23:00", startingAt(kArrival, 21 * 60)});
  using Kind = Step::Kind;
  REQUIRE(steps.size() >= 5);
  CHECK(steps[0].kind == Kind::waits);
  CHECK(steps[1].kind == Kind::attempt);
  CHECK(steps[1].at == kArrival + 1h);
  CHECK(steps[2].at == kArrival + 75min);
  CHECK(steps[3].at == kArrival + 105min);
  CHECK(steps[4].kind == Kind::waits);
  CHECK(steps.back().kind == Kind::gaveUp);
  CHECK(steps.back().at == kArrival + 20h);
}
