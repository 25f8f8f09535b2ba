#include "queued/schedule/hours.h"

#include <catch2/catch.hpp>

using namespace ostler;
using namespace ostler::schedule;

TEST_CASE("a window is open between its ends, over midnight too") {
  struct Row {
    const char* hours;
    unsigned minute;
    int openFor;  // minutes; -1: closed
  };
  const Row rows[] = {{"22:00-06:00", 21 * 60 + 59, -1}, {"22:00-06:00", 22 * 60, 480}, {"22:00-06:00", 60, 300}, {"22:00-06:00", 360, -1},
                      {"09:00-12:00 13:00-17:30", 12 * 60 + 30, -1}, {"09:00-12:00 13:00-17:30", 13 * 60, 270}};
  const WallTime now = fromUnixMillis(1'700'000'000'000);
  for (const Row& row : rows) {
    INFO(row.hours << " at minute " << row.minute);
    const auto until = openUntil(row.hours, now, row.minute);
    CHECK(until.has_value() == (row.openFor >= 0));
    if (until) CHECK((*until - now) / std::chrono::minutes(1) == row.openFor);
  }
}

TEST_CASE("without hours it is always open") { CHECK(openUntil("", fromUnixMillis(0), 0) == WallTime::max()); }

TEST_CASE("the next window is today's or tomorrow's, or is open already") {
  const WallTime now = fromUnixMillis(1'700'000'000'000);
  CHECK(opensAt("22:00-06:00", now, 7 * 60) == now + std::chrono::hours(15));
  CHECK(opensAt("22:00-06:00", now, 60) == now);
  CHECK(opensAt("09:00-12:00 13:00-17:30", now, 18 * 60) == now + std::chrono::hours(15));
  CHECK(opensAt("", now, 60) == now);
}
