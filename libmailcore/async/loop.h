// loop.h - one event loop per worker thread, on libevent. Whatever lives on a loop never leaves it and needs no lock.
// Is not: a place to block. What blocks (disk, hashing, a foreign directory) goes through a Pool (pool.h).
#pragma once

#include <event2/event.h>

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "libmailcore/async/task.h"
#include "libmailcore/base/clock.h"
#include "libmailcore/base/result.h"

namespace ostler {

/// Runs coroutines and events of one thread. post() and stop() may be called from any thread, all else from the loop's own
/// (or before run() started). Lifetime: outlives everything that was given a reference to it; its destructor destroys what is
/// still spawned.
class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Runs until stop(). REQUIRES: not from within the loop.
  void run();
  /// Any thread. What is spawned stays suspended; run() returns after the callback at hand. Before run(): the next one returns
  /// at once.
  void stop();
  /// Any thread. Runs the job on the loop soon, in the order of posting. A job posted after the loop's end is destroyed unrun.
  void post(std::function<void()> job);

  /// For tests and tools: runs the loop until the task is done and returns its value.
  template <class T>
  T runUntilDone(Task<T> task);

  /// Returns at the deadline. Destroying the awaiting frame takes the timer away.
  [[nodiscard]] Task<void> sleepUntil(Deadline deadline);

  /// Returns on a later turn of the loop: lets others run. What never has to wait calls it now and then.
  [[nodiscard]] Task<void> yield();

  /// Who is told of an exception that left a spawned task or a posted job. Without one: a line on standard error.
  void onUncaught(std::function<void(const std::string& what)> handler);

  [[nodiscard]] event_base* base();

 private:
  friend class Signal;
  friend class TaskScope;
  struct Core;
  struct Waiter;
  struct Suspend;
  void reportUncaught(const std::exception_ptr& exception) noexcept;
  std::unique_ptr<Core> core_;
};

/// Owner of spawned tasks: when it goes, those still suspended are destroyed (their destructors run, their sockets close).
/// An exception that leaves a task is logged and ends that task alone. Must not be destroyed from within one of its own tasks.
class TaskScope {
 public:
  explicit TaskScope(Loop& loop);
  ~TaskScope();
  TaskScope(const TaskScope&) = delete;
  TaskScope& operator=(const TaskScope&) = delete;

  /// Starts the task at once, on the caller's stack up to its first wait. What it needs it takes by value.
  void spawn(Task<void> task);
  [[nodiscard]] std::size_t running() const;
  /// Returns when nothing is running any more, or with timeout at the deadline.
  [[nodiscard]] Task<Result<void>> whenIdle(Deadline deadline);
  /// Destroys every task that is suspended. Must not be called from within one of them: post() it.
  void cancelAll();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The one way to wait: set() wakes the one task in wait(). A set() with nobody waiting is kept for the next wait().
/// Loop-bound: from another thread, loop.post([&] { signal.set(); }) with a lifetime that holds.
class Signal {
 public:
  explicit Signal(Loop& loop) : loop_(loop) {}
  ~Signal();
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  /// Wakes the waiter on a later turn of the loop (never inside this call).
  void set();
  /// Errors: timeout. REQUIRES: no other task is in wait().
  [[nodiscard]] Task<Result<void>> wait(Deadline deadline);

 private:
  friend struct Loop::Waiter;
  Loop& loop_;
  bool set_ = false;
  Loop::Waiter* waiter_ = nullptr;
};

template <class T>
T Loop::runUntilDone(Task<T> task) {
  struct Outcome {
    std::exception_ptr exception;
    bool done = false;
    bool running = false;
  } outcome;
  if constexpr (std::is_void_v<T>) {
    TaskScope scope(*this);
    scope.spawn([](Loop& loop, Task<void> inner, Outcome& out) -> Task<void> {
      try {
        co_await inner;
      } catch (...) {
        out.exception = std::current_exception();
      }
      out.done = true;
      if (out.running) loop.stop();
    }(*this, std::move(task), outcome));
    outcome.running = true;
    while (!outcome.done) run();
    if (outcome.exception) std::rethrow_exception(outcome.exception);
  } else {
    std::optional<T> value;
    runUntilDone([](Task<T> inner, std::optional<T>& out) -> Task<void> {
      auto got = co_await inner;
      out.emplace(std::move(got));
    }(std::move(task), value));
    return std::move(*value);
  }
}

}  // namespace ostler
