#include "queued/schedule/scheduler.h"

#include <catch2/catch.hpp>

#include "libmailcore/config/config.h"

using namespace ostler;
using namespace ostler::schedule;
using namespace std::chrono_literals;

namespace {

const WallTime kNow{std::chrono::hours(480'000)};

Id128 idOf(unsigned char n) {
  std::array<unsigned char, 16> octets{};
  octets[15] = n;
  return Id128(octets);
}

}  // namespace

TEST_CASE("messages come out of the schedule when they are due, the earliest first") {
  Scheduler scheduler(0);
  scheduler.wakeAt(kNow + 2min, idOf(2));
  scheduler.wakeAt(kNow + 1min, idOf(1));
  CHECK_FALSE(scheduler.takeDue(kNow));
  CHECK(scheduler.takeDue(kNow + 3min) == idOf(1));
  CHECK(scheduler.takeDue(kNow + 3min) == idOf(2));
  CHECK(scheduler.nextDue() == WallTime::max());
}

TEST_CASE("a sender with a thousand messages does not keep another's one waiting") {
  Destination destination("mx:a.test", 2);
  for (unsigned char n = 0; n < 100; ++n) destination.push(1, idOf(n));
  destination.push(2, idOf(200));
  CHECK(destination.start(kNow) == idOf(0));
  CHECK(destination.start(kNow) == idOf(200));
}

TEST_CASE("destinations take turns") {
  Scheduler scheduler(2);
  for (unsigned char n = 0; n < 3; ++n) scheduler.push(scheduler.destination("mx:a.test", 10), 1, idOf(n));
  scheduler.push(scheduler.destination("mx:b.test", 10), 1, idOf(10));
  std::vector<std::string> order;
  while (const auto start = scheduler.start(kNow)) order.push_back(start->destination->key());
  CHECK(order == std::vector<std::string>{"mx:a.test", "mx:b.test"});
}

TEST_CASE("a host that does not answer rests, longer each time, and is asked with one message first") {
  Destination destination("mx:a.test", 30);
  for (unsigned char n = 0; n < 20; ++n) destination.push(1, idOf(n));
  REQUIRE(destination.start(kNow));
  destination.finished(HostVerdict::noAnswer, kNow, 60s, 900s);
  CHECK(destination.state(kNow) == DestinationState::retry);
  CHECK_FALSE(destination.start(kNow + 59s));
  REQUIRE(destination.start(kNow + 61s));
  CHECK_FALSE(destination.start(kNow + 61s));
  destination.finished(HostVerdict::noAnswer, kNow + 61s, 60s, 900s);
  CHECK(destination.retryAt() == kNow + 61s + 120s);
  REQUIRE(destination.start(kNow + 300s));
  destination.finished(HostVerdict::answered, kNow + 300s, 60s, 900s);
  CHECK(destination.state(kNow + 300s) == DestinationState::active);
}

TEST_CASE("concurrency grows with success up to the limit and halves when the host breaks off") {
  Destination destination("mx:a.test", 8);
  for (int round = 0; round < 100; ++round) destination.finished(HostVerdict::answered, kNow, 60s, 900s);
  CHECK(destination.window() == 8);
  destination.finished(HostVerdict::noAnswer, kNow, 60s, 900s);
  CHECK(destination.window() == 4);
}

TEST_CASE("a host that wants less gets as many at once as it still serves, for a time, and rests when that is none") {
  Destination destination("mx:a.test", 30);
  for (unsigned char n = 0; n < 50; ++n) destination.push(1, idOf(n));
  const auto fill = [&destination](WallTime now) {
    int started = 0;
    while (destination.start(now)) ++started;
    return started;
  };
  for (int round = 0; round < 20; ++round) destination.finished(HostVerdict::answered, kNow, 60s, 900s);
  REQUIRE(destination.window() == 8);
  REQUIRE(fill(kNow) == 8);
  for (int refused = 0; refused < 3; ++refused) destination.finished(HostVerdict::wantsLess, kNow, 60s, 900s);
  CHECK(destination.window() == 5);
  CHECK(destination.state(kNow) == DestinationState::active);
  CHECK(destination.standing() == Standing::proven);
  CHECK((destination.wantsLess(kNow) && destination.lessUntil() == kNow + 900s));
  for (int round = 0; round < 100; ++round) {
    destination.finished(HostVerdict::answered, kNow + 899s, 60s, 900s);
    (void)fill(kNow + 899s);
  }
  CHECK(destination.window() == 5);
  for (int round = 0; round < 5; ++round) destination.finished(HostVerdict::answered, kNow + 900s, 60s, 900s);
  CHECK(destination.window() == 6);
  Destination alone("mx:b.test", 30);
  for (unsigned char n = 0; n < 10; ++n) alone.push(1, idOf(n));
  REQUIRE(alone.start(kNow));
  alone.finished(HostVerdict::wantsLess, kNow, 60s, 900s);
  CHECK(alone.state(kNow + 59s) == DestinationState::retry);
  CHECK_FALSE(alone.isSilent(kNow));
  REQUIRE(alone.start(kNow + 60s));
  CHECK_FALSE(alone.start(kNow + 60s));
  alone.finished(HostVerdict::wantsLess, kNow + 60s, 60s, 900s);
  CHECK(alone.retryAt() == kNow + 60s + 120s);
}

TEST_CASE("a rest ends when the clock is set back to before it began") {
  Destination destination("mx:a.test", 8);
  destination.push(1, idOf(1));
  destination.push(1, idOf(2));
  REQUIRE(destination.start(kNow));
  destination.finished(HostVerdict::noAnswer, kNow, 60s, 900s);
  CHECK_FALSE(destination.start(kNow + 1s));
  CHECK(destination.start(kNow - 24h));
}

TEST_CASE("what is frozen waits until it is thawed") {
  Destination destination("mx:a.test", 8);
  destination.push(1, idOf(1));
  destination.setAdministrative(DestinationState::frozen);
  CHECK_FALSE(destination.start(kNow));
  destination.setAdministrative(DestinationState::active);
  CHECK(destination.start(kNow));
}

TEST_CASE("what has a higher priority goes first, and senders take turns within one priority") {
  Destination destination("mx:a.test", 10);
  destination.push(1, idOf(1), 0);
  destination.push(1, idOf(2), 0);
  destination.push(2, idOf(3), 0);
  destination.push(3, idOf(4), -5);
  destination.push(3, idOf(5), 9);
  std::vector<Id128> order;
  while (const auto next = destination.start(kNow)) order.push_back(*next);
  CHECK(order == std::vector<Id128>{idOf(5), idOf(1), idOf(3), idOf(2), idOf(4)});
  CHECK(destination.waiting() == 0);
}

TEST_CASE("a thousand messages to a host that is down for a day leave within its first minute back") {
  Scheduler scheduler(100);
  const config::RetrySchedule retry;
  Destination& destination = scheduler.destination("mx:a.test", 30);
  WallTime now = kNow;
  // The virtual day: each probe fails; messages are not sent meanwhile.
  while (now < kNow + 24h) {
    scheduler.push(destination, 1, idOf(1));
    if (const auto start = scheduler.start(now)) scheduler.finished(*start, HostVerdict::noAnswer, now, 60s, retry.first);
    (void)destination.take(SIZE_MAX);
    now += 15min;
  }
  now = destination.retryAt();
  for (int n = 0; n < 1000; ++n) scheduler.push(destination, static_cast<std::uint64_t>(n % 7), Id128::make(now));
  int sent = 0;
  for (int turn = 0; turn < 600; ++turn, now += 100ms) {
    std::vector<Start> running;
    while (const auto start = scheduler.start(now)) running.push_back(*start);
    for (const Start& one : running) scheduler.finished(one, HostVerdict::answered, now, 60s, retry.first);
    sent += static_cast<int>(running.size());
  }
  CHECK(sent == 1000);
}

TEST_CASE("a destination with a rate gets its messages a minute, not more") {
  Scheduler scheduler(0);
  Destination& slow = scheduler.destination("slow", 10);
  slow.setRate({2, 60s});
  const WallTime now = fromUnixMillis(1'600'000'000'000);
  for (int i = 0; i < 3; ++i) scheduler.push(slow, 1, Id128::make(now));
  REQUIRE(scheduler.start(now));
  CHECK_FALSE(scheduler.start(now + std::chrono::seconds(29)));
  CHECK(scheduler.nextStart() == now + std::chrono::seconds(30));
  CHECK(scheduler.start(now + std::chrono::seconds(30)));
}

TEST_CASE("of a thousand messages a destination gets what its rate says, evenly, and others are not held up by it") {
  struct Row {
    Rate rate;
    std::size_t inTenMinutes;
  };
  for (const Row& row : {Row{{5, 1s}, 3000}, Row{{100, 600s}, 100}, Row{{60, 60s}, 600}, Row{{1, 86400s}, 1}}) {
    CAPTURE(row.rate.count, row.rate.in.count());
    Scheduler scheduler(0);
    Destination& paced = scheduler.destination("paced", 0);
    paced.setRate(row.rate);
    for (std::size_t i = 0; i < 4000; ++i) scheduler.push(paced, 1, idOf(1));
    std::size_t sent = 0;
    std::size_t mostAtOnce = 0;
    WallTime now = kNow;
    while (now < kNow + 600s) {  // the virtual clock goes from one possible start to the next
      std::size_t atOnce = 0;
      while (const auto start = scheduler.start(now)) {
        scheduler.finished(*start, HostVerdict::answered, now, 60s, 60s);
        ++atOnce;
      }
      sent += atOnce;
      mostAtOnce = std::max(mostAtOnce, atOnce);
      REQUIRE(scheduler.nextStart() > now);
      now = std::min(scheduler.nextStart(), kNow + 600s);
    }
    CHECK(sent == row.inTenMinutes);
    CHECK(mostAtOnce == 1);
    Destination& other = scheduler.destination("other", 10);
    scheduler.push(other, 1, idOf(2));
    const auto first = scheduler.start(now - 1ms);
    REQUIRE(first);
    CHECK(first->destination == &other);
  }
}

TEST_CASE("a rate holds nobody up for longer than its distance when the clock is set back") {
  Scheduler scheduler(0);
  Destination& paced = scheduler.destination("paced", 0);
  paced.setRate({100, 600s});
  for (int i = 0; i < 3; ++i) scheduler.push(paced, 1, idOf(1));
  REQUIRE(scheduler.start(kNow));
  CHECK(scheduler.start(kNow - 24h));
  CHECK_FALSE(scheduler.start(kNow - 24h + 5s));
  CHECK(scheduler.start(kNow - 24h + 6s));
}

TEST_CASE("many hosts that hang keep neither a new host nor a proven one waiting") {
  Scheduler scheduler(100);
  Destination& proven = scheduler.destination("mx:proven.test", 30);
  scheduler.push(proven, 1, idOf(1));
  scheduler.finished(scheduler.start(kNow).value(), HostVerdict::answered, kNow, 60s, 900s);
  for (int n = 0; n < 300; ++n) scheduler.push(scheduler.destination("mx:hangs" + std::to_string(n) + ".test", 30), 1, Id128::make(kNow));
  scheduler.push(scheduler.destination("mx:new.test", 30), 1, idOf(2));
  int began = 0;
  while (scheduler.start(kNow)) ++began;
  CHECK(began == 75);
  // Who answered before goes at once, in the share that is kept for it.
  scheduler.push(proven, 1, idOf(3));
  REQUIRE(scheduler.start(kNow));
  REQUIRE_FALSE(scheduler.start(kNow));
  // The new host's turn comes after some seconds, though nothing ever finishes.
  WallTime now = kNow;
  bool hasGone = false;
  while (!hasGone && now < kNow + 1min) {
    REQUIRE(scheduler.nextStart() > now);
    now = scheduler.nextStart();
    while (const auto start = scheduler.start(now)) hasGone = hasGone || start->destination->key() == "mx:new.test";
  }
  CHECK(hasGone);
  CHECK(now - kNow <= 10s);
  CHECK(scheduler.running() <= 100 * Scheduler::kSlowCount);
}

TEST_CASE("hosts that did not answer last time get a quarter of all deliveries, however many they are") {
  Scheduler scheduler(100);
  for (int n = 0; n < 200; ++n) {
    Destination& down = scheduler.destination("mx:down" + std::to_string(n) + ".test", 30);
    down.finished(HostVerdict::noAnswer, kNow, 60s, 900s);
    scheduler.push(down, 1, Id128::make(kNow));
  }
  const WallTime now = kNow + 2min;
  int began = 0;
  while (scheduler.start(now)) ++began;
  CHECK(began == 25);
  scheduler.push(scheduler.destination("mx:new.test", 30), 1, idOf(1));
  const auto start = scheduler.start(now);
  REQUIRE(start);
  CHECK(start->destination->key() == "mx:new.test");
}

TEST_CASE("what has finished makes room again, slow or not") {
  Scheduler scheduler(2);
  for (unsigned char n = 0; n < 4; ++n) scheduler.push(scheduler.destination("mx:a" + std::to_string(n) + ".test", 10), 1, idOf(n));
  const auto first = scheduler.start(kNow);
  const auto second = scheduler.start(kNow);
  REQUIRE(second);
  CHECK_FALSE(scheduler.start(kNow));
  const auto third = scheduler.start(kNow + 3s);  // both count a tenth by now
  REQUIRE(third);
  for (const auto& start : {first, second, third}) scheduler.finished(*start, HostVerdict::answered, kNow + 4s, 60s, 900s);
  CHECK(scheduler.running() == 0);
}
