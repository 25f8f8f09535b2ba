// pool.h - a bounded set of threads for what blocks: fdatasync, page faults, password hashing, a foreign directory.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>

#include "libmailcore/async/loop.h"

namespace ostler {

/// A job owns its data (captures by value or shared_ptr). When the awaiting task is destroyed, a job that has not started is
/// dropped, one that runs goes on to its end and its result is thrown away. The destructor runs what is queued and still wanted, and
/// waits for it: a pool goes before the loops that wait for it.
class Pool {
 public:
  /// `name` is the threads' name (15 octets count). `maxQueued`: jobs beyond it are refused with limit.
  Pool(std::string name, unsigned threads, std::size_t maxQueued = 100'000);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// Runs `job` on a thread of the pool and returns its value on `loop`. For a job that returns Result<T>: Task<Result<T>>.
  /// Errors: those of the job; limit when the queue is full. An exception of the job is rethrown to the awaiter.
  template <class Job>
  [[nodiscard]] std::enable_if_t<!std::is_void_v<std::invoke_result_t<Job>>, Task<std::invoke_result_t<Job>>> run(Loop& loop,
                                                                                                                  Job job);
  /// Runs the job without anybody waiting. False: the queue is full and the job was not taken.
  bool post(std::function<void()> job);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

template <class Job>
std::enable_if_t<!std::is_void_v<std::invoke_result_t<Job>>, Task<std::invoke_result_t<Job>>> Pool::run(Loop& loop, Job job) {
  using T = std::invoke_result_t<Job>;
  // Shared by the job (any thread) and the awaiting frame (the loop): the frame may go first.
  struct Shared {
    Shared(Loop& on, Job what) : done(std::make_unique<Signal>(on)), job(std::move(what)) {}
    std::unique_ptr<Signal> done;  // touched on the loop alone
    std::optional<Job> job;        // touched by the pool alone once posted
    std::optional<T> value;
    std::exception_ptr exception;
    std::atomic<bool> abandoned = false;
  };
  struct Guard {  // the frame's end of Shared
    std::shared_ptr<Shared> shared;
    ~Guard() {
      shared->abandoned = true;
      shared->done.reset();
    }
  };
  auto shared = std::make_shared<Shared>(loop, std::move(job));
  const Guard guard{shared};
  const bool taken = post([shared, &loop] {
    if (shared->abandoned) return;
    try {
      shared->value.emplace((*shared->job)());
    } catch (...) {
      shared->exception = std::current_exception();
    }
    shared->job.reset();
    loop.post([shared] {
      if (shared->done) shared->done->set();
    });
  });
  if (!taken) co_return fail(Error::Kind::limit, "the pool's queue is full");
  const Result<void> finished = co_await shared->done->wait(Deadline::never());
  (void)finished;
  if (shared->exception) std::rethrow_exception(shared->exception);
  co_return std::move(*shared->value);
}

}  // namespace ostler
