// loop.h - one event loop per worker thread, on libevent. Whatever lives on a loop never leaves it and needs no lock.
// Is not: a place to block. What blocks (disk, hashing, a foreign directory) goes through a Pool (pool.h).
#pragma once

#include <event2/event.h>

#include <functional>
#include <memory>

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

  /// Runs until stop().
  void run();
  /// Any thread. What is spawned stays suspended; run() returns after the callback at hand.
  void stop();
  /// Any thread. Runs the job on the loop soon, in the order of posting. A job posted after the loop's end is destroyed unrun.
  void post(std::function<void()> job);

  /// For tests and tools: runs the loop until the task is done and returns its value.
  template <class T>
  T runUntilDone(Task<T> task);

  /// Returns at the deadline. Destroying the awaiting frame takes the timer away.
  [[nodiscard]] Task<void> sleepUntil(Deadline deadline);

  [[nodiscard]] event_base* base() { return base_.get(); }

 private:
  struct FreeBase {
    void operator()(event_base* base) const { event_base_free(base); }
  };
  struct Inbox;
  std::unique_ptr<event_base, FreeBase> base_;
  std::unique_ptr<Inbox> inbox_;
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
  std::shared_ptr<State> state_;
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
  struct Waiter;
  Loop& loop_;
  bool set_ = false;
  Waiter* waiter_ = nullptr;
};

template <class T>
T Loop::runUntilDone(Task<T> task) {
  struct Outcome {
    std::exception_ptr exception;
    bool done = false;
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
      loop.stop();
    }(*this, std::move(task), outcome));
    if (!outcome.done) run();
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
