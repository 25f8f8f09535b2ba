#include "libmailcore/async/loop.h"

#include <sys/resource.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <random>
#include <thread>

#include "libmailcore/async/channel.h"
#include "libmailcore/async/gate.h"
#include "libmailcore/async/pool.h"

namespace ostler {
namespace {

using namespace std::chrono_literals;

Task<int> readyNumber(int n) { co_return n; }

Task<long> sumOfReady(int count) {
  long sum = 0;
  for (int i = 0; i < count; ++i) {
    const int one = co_await readyNumber(1);
    sum += one;
  }
  co_return sum;
}

TEST_CASE("millions of awaits that are ready at once run in bounded stack") {
  Loop loop;
  CHECK(loop.runUntilDone(sumOfReady(3'000'000)) == 3'000'000);
}

Task<long> setAndWait(Loop& loop, int count) {
  Signal signal(loop);
  long woken = 0;
  for (int i = 0; i < count; ++i) {
    signal.set();
    const Result<void> done = co_await signal.wait(Deadline::never());
    woken += done ? 1 : 0;
  }
  co_return woken;
}

TEST_CASE("a set() with nobody waiting is kept for the next wait()") {
  Loop loop;
  CHECK(loop.runUntilDone(setAndWait(loop, 1'000'000)) == 1'000'000);
}

TEST_CASE("set() never resumes inside the call") {
  Loop loop;
  Signal signal(loop);
  TaskScope scope(loop);
  bool woken = false;
  scope.spawn([](Signal& on, bool& flag) -> Task<void> {
    const Result<void> done = co_await on.wait(Deadline::never());
    flag = done.has_value();
  }(signal, woken));
  signal.set();
  CHECK_FALSE(woken);
  const Result<void> idle = loop.runUntilDone(scope.whenIdle(Deadline::after(5s)));
  CHECK(idle.has_value());
  CHECK(woken);
}

TEST_CASE("a wait without a set() ends with timeout at its deadline") {
  Loop loop;
  Signal signal(loop);
  const auto start = std::chrono::steady_clock::now();
  const Result<void> done = loop.runUntilDone(signal.wait(Deadline::after(20ms)));
  REQUIRE_FALSE(done);
  CHECK(done.error().kind == Error::Kind::timeout);
  CHECK(std::chrono::steady_clock::now() - start >= 20ms);
  CHECK_FALSE(loop.runUntilDone(signal.wait(Deadline{std::chrono::steady_clock::now() - 1s})));
}

Task<void> sleepAndNote(Loop& loop, SteadyTime at, int number, std::vector<int>& order) {
  co_await loop.sleepUntil(Deadline{at});
  order.push_back(number);
}

TEST_CASE("sleepers wake in the order of their deadlines") {
  Loop loop;
  std::vector<int> order;
  TaskScope scope(loop);
  const SteadyTime base = std::chrono::steady_clock::now() + 5ms;
  for (const int i : {3, 1, 4, 0, 2}) scope.spawn(sleepAndNote(loop, base + i * 1ms, i, order));
  CHECK(loop.runUntilDone(scope.whenIdle(Deadline::after(5s))).has_value());
  CHECK(order == std::vector<int>{0, 1, 2, 3, 4});
}

TEST_CASE("a job posted by another thread runs on the loop, in order") {
  Loop loop;
  std::vector<int> seen;
  std::thread other([&] {
    for (int i = 0; i < 10'000; ++i) loop.post([&seen, i] { seen.push_back(i); });
    loop.post([&loop] { loop.stop(); });
  });
  loop.run();
  other.join();
  REQUIRE(seen.size() == 10'000);
  CHECK(std::is_sorted(seen.begin(), seen.end()));
}

TEST_CASE("a job posted by a job runs on a later turn, after the sockets had theirs") {
  Loop loop;
  int left = 1000;
  std::function<void()> again = [&] {
    if (--left == 0) {
      loop.stop();
    } else {
      loop.post(again);
    }
  };
  loop.post(again);
  loop.run();
  CHECK(left == 0);
}

TEST_CASE("a job that never ran is destroyed with the loop") {
  auto held = std::make_shared<int>(1);
  {
    Loop loop;
    loop.post([held] {});
  }
  CHECK(held.use_count() == 1);
}

TEST_CASE("an exception that leaves a task ends that task alone and is reported") {
  Loop loop;
  std::string reported;
  loop.onUncaught([&](const std::string& what) { reported = what; });
  TaskScope scope(loop);
  scope.spawn([](Loop& on) -> Task<void> {
    co_await on.yield();
    throw std::runtime_error("broken");
  }(loop));
  CHECK(loop.runUntilDone(scope.whenIdle(Deadline::after(5s))).has_value());
  CHECK(reported == "broken");
  CHECK_THROWS_AS(loop.runUntilDone([]() -> Task<int> { throw std::logic_error("to the caller"); co_return 1; }()),
                  std::logic_error);
}

struct CountsLife {
  explicit CountsLife(int& count) : alive(count) { ++alive; }
  ~CountsLife() { --alive; }
  CountsLife(const CountsLife&) = delete;
  CountsLife& operator=(const CountsLife&) = delete;
  int& alive;
};

Task<int> innerWait(Loop& loop, int& alive) {
  const CountsLife here(alive);
  co_await loop.sleepUntil(Deadline::after(1h));
  co_return 1;
}

Task<void> outerWait(Loop& loop, int& alive) {
  const CountsLife here(alive);
  const int got = co_await innerWait(loop, alive);
  (void)got;
}

TEST_CASE("destroying a scope destroys whole chains of suspended frames") {
  Loop loop;
  int alive = 0;
  {
    TaskScope scope(loop);
    for (int i = 0; i < 100; ++i) scope.spawn(outerWait(loop, alive));
    CHECK(alive == 200);
    CHECK(scope.running() == 100);
  }
  CHECK(alive == 0);
}

// One of thousands of sessions: plays ping-pong with a partner, with random deadlines, sleeps and pool jobs.
struct Table {
  explicit Table(Loop& loop) : ping(loop, 4), pong(loop, 4), seats(loop, 3) {}
  Channel<int> ping, pong;
  Semaphore seats;
};

Task<void> player(Loop& loop, Pool& pool, Table& table, unsigned seed, int& alive) {
  const CountsLife here(alive);
  std::mt19937 random(seed);
  for (int i = 0; i < 20; ++i) {
    const auto wait = std::chrono::microseconds(random() % 3000);
    Result<Semaphore::Permit> permit = co_await table.seats.acquire(Deadline::after(wait));
    if (!permit) continue;
    table.ping.push(i);
    const Result<int> got = co_await table.pong.pop(Deadline::after(wait));
    if (!got && random() % 4 == 0) {
      const Result<int> worked = co_await pool.run(loop, [i]() -> Result<int> { return i * 2; });
      if (worked) table.pong.push(*worked);
    }
    if (random() % 5 == 0) co_await loop.sleepUntil(Deadline::after(wait));
    if (random() % 7 == 0) co_await loop.yield();
  }
}

Task<void> partner(Table& table, int& alive) {
  const CountsLife here(alive);
  for (;;) {
    const Result<int> got = co_await table.ping.pop(Deadline::after(20ms));
    if (!got) co_return;
    table.pong.push(*got);
  }
}

Task<void> churn(Loop& loop, Pool& pool, unsigned seed, int& alive) {
  std::mt19937 random(seed);
  std::vector<std::unique_ptr<Table>> tables;
  std::vector<std::unique_ptr<TaskScope>> scopes;
  for (unsigned i = 0; i < 1500; ++i) {
    tables.push_back(std::make_unique<Table>(loop));
    scopes.push_back(std::make_unique<TaskScope>(loop));
    scopes.back()->spawn(player(loop, pool, *tables.back(), seed + i, alive));
    scopes.back()->spawn(partner(*tables.back(), alive));
  }
  while (!scopes.empty()) {
    for (int i = 0; i < 40 && !scopes.empty(); ++i) {
      const std::size_t victim = random() % scopes.size();
      std::swap(scopes[victim], scopes.back());
      std::swap(tables[victim], tables.back());
      scopes.pop_back();
      tables.pop_back();
    }
    co_await loop.sleepUntil(Deadline::after(std::chrono::microseconds(random() % 2000)));
  }
}

TEST_CASE("thousands of sessions on two loops survive cancellation at random moments") {
  std::vector<std::thread> threads;
  std::vector<int> alive(2, 0);
  std::array<Loop, 2> loops;
  Pool pool("churn", 2);
  for (unsigned t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] { loops[t].runUntilDone(churn(loops[t], pool, t * 10'000, alive[t])); });
  }
  for (auto& thread : threads) thread.join();
  CHECK(alive == std::vector<int>{0, 0});
}

TEST_CASE("a pool job's value, error and exception come back on the loop") {
  Loop loop;
  Pool pool("test", 1);
  CHECK(loop.runUntilDone(pool.run(loop, []() -> Result<int> { return 7; })).value() == 7);
  const Result<int> failed = loop.runUntilDone(pool.run(loop, []() -> Result<int> { return fail(Error::Kind::denied, "no"); }));
  CHECK(failed.error().kind == Error::Kind::denied);
  CHECK_THROWS_AS(loop.runUntilDone(pool.run(loop, []() -> Result<int> { throw std::runtime_error("x"); })), std::runtime_error);
  auto onlyMoves = std::make_unique<int>(5);
  CHECK(loop.runUntilDone(pool.run(loop, [p = std::move(onlyMoves)]() -> Result<int> { return *p; })).value() == 5);
}

TEST_CASE("a pool whose queue is full refuses with limit") {
  Loop loop;
  std::atomic<bool> started = false;
  std::atomic<bool> go = false;
  Pool pool("full", 1, 1);
  CHECK(pool.post([&] {
    started = true;
    while (!go) std::this_thread::yield();
  }));
  while (!started) std::this_thread::yield();
  CHECK(pool.post([] {}));
  const Result<int> refused = loop.runUntilDone(pool.run(loop, []() -> Result<int> { return 1; }));
  go = true;
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == Error::Kind::limit);
}

TEST_CASE("a permit granted to a task that was destroyed before its turn is passed on") {
  Loop loop;
  Semaphore semaphore(loop, 1);
  TaskScope first(loop);
  TaskScope second(loop);
  int entered = 0;
  const auto enter = [](Semaphore& of, int& count) -> Task<void> {
    const Result<Semaphore::Permit> permit = co_await of.acquire(Deadline::after(5s));
    if (permit) ++count;
  };
  auto held = loop.runUntilDone(semaphore.acquire(Deadline::never()));
  first.spawn(enter(semaphore, entered));
  second.spawn(enter(semaphore, entered));
  *held = Semaphore::Permit();
  first.cancelAll();
  CHECK(loop.runUntilDone(second.whenIdle(Deadline::after(5s))).has_value());
  CHECK(entered == 1);
  CHECK(semaphore.available() == 1);
}

TEST_CASE("a closing gate tells who is inside and waits for the last to leave") {
  Loop loop;
  Gate gate(loop);
  int told = 0;
  std::optional<Gate::Pass> one = gate.enter([&] { ++told; });
  std::optional<Gate::Pass> two = gate.enter([&] { ++told; });
  two.reset();
  gate.close();
  CHECK(told == 1);
  CHECK(loop.runUntilDone(gate.whenEmpty(Deadline::after(10ms))).error().kind == Error::Kind::timeout);
  loop.post([&] { one.reset(); });
  CHECK(loop.runUntilDone(gate.whenEmpty(Deadline::after(5s))).has_value());
  const Gate::Pass late = gate.enter([&] { ++told; });
  CHECK(told == 2);
}

}  // namespace
}  // namespace ostler
