#include "queued/schedule/hours.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <ctime>

#include "queued/schedule/retry.h"

using namespace ostler;
using namespace ostler::schedule;

namespace {

/// A clock that nobody sets.
WallClock showing(WallTime at, unsigned minute) {
  return [at, minute](WallTime then) { return static_cast<unsigned>((minute + (then - at) / std::chrono::minutes(1)) % (24 * 60)); };
}

/// The machine's time zone, for a moment.
class Zone {
 public:
  explicit Zone(const char* name) { set(name); }
  ~Zone() { set(had_ ? before_.c_str() : nullptr); }
  Zone(const Zone&) = delete;
  Zone& operator=(const Zone&) = delete;

 private:
  static void set(const char* name) {
    if (name != nullptr) ::setenv("TZ", name, 1);
    if (name == nullptr) ::unsetenv("TZ");
    ::tzset();
  }
  const bool had_ = std::getenv("TZ") != nullptr;
  const std::string before_ = had_ ? std::getenv("TZ") : "";
};

/// "2026-03-28 21:00:00", UTC.
WallTime at(const char* text) {
  std::tm broken{};
  REQUIRE(::strptime(text, "%Y-%m-%d %H:%M:%S", &broken) != nullptr);
  return std::chrono::system_clock::from_time_t(::timegm(&broken));
}

std::string textOf(std::optional<WallTime> time) {
  if (!time) return "closed";
  const std::time_t seconds = std::chrono::system_clock::to_time_t(*time);
  std::tm broken{};
  ::gmtime_r(&seconds, &broken);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &broken)};
}

// Set forward on 2026-03-29 at 01:00 UTC, back on 2026-10-25 at 01:00 UTC.
constexpr const char* kBerlin = "CET-1CEST,M3.5.0,M10.5.0/3";
constexpr const char* kKolkata = "IST-5:30";

}  // namespace

TEST_CASE("a window is open between its ends, over midnight too") {
  struct Row {
    const char* hours;
    unsigned minute;
    int openFor;  // minutes; -1: closed
  };
  const Row rows[] = {{"22:00-06:00", 21 * 60 + 59, -1}, {"22:00-06:00", 22 * 60, 480}, {"22:00-06:00", 60, 300}, {"22:00-06:00", 360, -1},
                      {"22:00-24:00", 23 * 60, 60},      {"00:00-06:00", 0, 360},       {"00:00-24:00", 5, -1},
                      {"09:00-12:00 13:00-17:30", 12 * 60 + 30, -1}, {"09:00-12:00 13:00-17:30", 13 * 60, 270}};
  const WallTime now = fromUnixMillis(1'699'999'980'000);
  for (const Row& row : rows) {
    INFO(row.hours << " at minute " << row.minute);
    const auto until = openUntil(row.hours, now, showing(now, row.minute));
    if (std::string_view(row.hours) == "00:00-24:00") {
      CHECK(until == WallTime::max());  // the configuration refuses it: always is no window
      continue;
    }
    CHECK(until.has_value() == (row.openFor >= 0));
    if (until) CHECK((*until - now) / std::chrono::minutes(1) == row.openFor);
  }
}

TEST_CASE("without hours it is always open") { CHECK(openUntil("", fromUnixMillis(0), showing(WallTime{}, 0)) == WallTime::max()); }

TEST_CASE("the next window is today's or tomorrow's, or is open already") {
  const WallTime now = fromUnixMillis(1'699'999'980'000);
  CHECK(opensAt("22:00-06:00", now, showing(now, 7 * 60)) == now + std::chrono::hours(15));
  CHECK(opensAt("22:00-06:00", now, showing(now, 60)) == now);
  CHECK(opensAt("09:00-12:00 13:00-17:30", now, showing(now, 18 * 60)) == now + std::chrono::hours(15));
  CHECK(opensAt("", now, showing(now, 60)) == now);
}

TEST_CASE("hours are those of the machine's time zone, also in nights in which its clock is set") {
  struct Row {
    const char* what;
    const char* zone;
    const char* hours;
    const char* now;        // UTC, as what follows
    const char* openUntil;
    const char* opensAt;    // "": it is open
  };
  const Row rows[] = {
      {"an afternoon in UTC", "UTC0", "09:00-17:00", "2026-07-01 08:59:30", "closed", "2026-07-01 09:00:00"},
      {"the same in India", kKolkata, "09:00-17:00", "2026-07-01 03:30:00", "2026-07-01 11:30:00", ""},
      {"its last seconds", kKolkata, "09:00-17:00", "2026-07-01 11:29:59", "2026-07-01 11:30:00", ""},
      {"a summer night", kBerlin, "22:00-06:00", "2026-07-01 20:00:00", "2026-07-02 04:00:00", ""},
      {"a winter night", kBerlin, "22:00-06:00", "2026-12-01 21:00:00", "2026-12-02 05:00:00", ""},
      {"an hour is missing: seven hours", kBerlin, "22:00-06:00", "2026-03-28 21:00:00", "2026-03-29 04:00:00", ""},
      {"an hour comes twice: nine hours", kBerlin, "22:00-06:00", "2026-10-24 20:00:00", "2026-10-25 05:00:00", ""},
      {"it ends in the missing hour", kBerlin, "22:00-02:30", "2026-03-28 21:00:00", "2026-03-29 01:00:00", ""},
      {"the moment after that", kBerlin, "22:00-02:30", "2026-03-29 01:00:00", "closed", "2026-03-29 20:00:00"},
      {"it begins in the missing hour", kBerlin, "02:30-05:00", "2026-03-28 23:00:00", "closed", "2026-03-29 01:00:00"},
      {"it lies in the missing hour", kBerlin, "02:15-02:45", "2026-03-28 23:00:00", "closed", "2026-03-30 00:15:00"},
      {"behind the missing hour", kBerlin, "06:00-07:00", "2026-03-28 23:00:00", "closed", "2026-03-29 04:00:00"},
      {"the first of two", kBerlin, "02:15-02:45", "2026-10-25 00:20:00", "2026-10-25 00:45:00", ""},
      {"between the two", kBerlin, "02:15-02:45", "2026-10-25 00:50:00", "closed", "2026-10-25 01:15:00"},
      {"the second", kBerlin, "02:15-02:45", "2026-10-25 01:20:00", "2026-10-25 01:45:00", ""},
      {"it ends behind the second", kBerlin, "01:00-03:30", "2026-10-24 23:30:00", "2026-10-25 02:30:00", ""},
      {"the day after", kBerlin, "22:00-06:00", "2026-10-25 05:00:00", "closed", "2026-10-25 21:00:00"},
  };
  for (const Row& row : rows) {
    INFO(row.what << ": " << row.zone << " " << row.hours << " at " << row.now);
    const Zone zone(row.zone);
    const std::string isOpenNow = row.now;
    CHECK(textOf(openUntil(row.hours, at(row.now), localMinuteOfDay)) == row.openUntil);
    CHECK(textOf(opensAt(row.hours, at(row.now), localMinuteOfDay)) == (*row.opensAt == '\0' ? isOpenNow : row.opensAt));
  }
}

TEST_CASE("a message to a host that never answers is tried in the hours of each night, however long that is") {
  const Zone zone(kBerlin);
  config::RetrySchedule retry;
  retry.first = retry.second = retry.third = retry.subsequent = std::chrono::hours(1);
  retry.expiry = std::chrono::hours(24);
  const auto attemptsFrom = [&retry](const char* arrived) {
    const auto steps = simulate(retry, at(arrived), {"22:00-06:00"});
    return std::count_if(steps.begin(), steps.end(), [](const Step& step) { return step.kind == Step::Kind::attempt; });
  };
  CHECK(attemptsFrom("2026-07-01 12:00:00") == 8);
  CHECK(attemptsFrom("2026-03-28 12:00:00") == 7);
  CHECK(attemptsFrom("2026-10-24 12:00:00") == 9);
}
