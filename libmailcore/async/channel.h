// channel.h - a bounded queue between tasks of one loop, and a counting semaphore.
#pragma once

#include <deque>
#include <optional>
#include <utility>

#include "libmailcore/async/loop.h"

namespace ostler {

/// Limits how many tasks of one loop are in a section. First come, first served.
class Semaphore {
 public:
  Semaphore(Loop& loop, std::size_t permits);
  ~Semaphore();
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;

  /// Gives its permit back when it goes.
  class Permit {
   public:
    Permit() = default;
    explicit Permit(Semaphore* from) : from_(from) {}
    Permit(Permit&& other) noexcept : from_(std::exchange(other.from_, nullptr)) {}
    Permit& operator=(Permit&& other) noexcept {
      if (this != &other) {
        give();
        from_ = std::exchange(other.from_, nullptr);
      }
      return *this;
    }
    ~Permit() { give(); }

   private:
    void give() {
      if (auto* const from = std::exchange(from_, nullptr)) from->release();
    }
    Semaphore* from_ = nullptr;
  };

  /// Errors: timeout.
  [[nodiscard]] Task<Result<Permit>> acquire(Deadline deadline);
  [[nodiscard]] std::size_t available() const { return permits_; }

 private:
  struct Waiting;
  void release();
  Loop& loop_;
  std::size_t permits_;
  std::deque<Waiting*> waiting_;
};

/// Values go in at one end and come out at the other, on one loop. One reader; any number of writers.
template <class T>
class Channel {
 public:
  Channel(Loop& loop, std::size_t capacity) : capacity_(capacity), arrived_(loop) {}

  /// False when the channel is full or closed: the value was not taken.
  bool push(T value) {
    if (closed_ || values_.size() >= capacity_) return false;
    values_.push_back(std::move(value));
    arrived_.set();
    return true;
  }
  void close() {
    closed_ = true;
    arrived_.set();
  }
  /// The next value. Errors: timeout; closed when the channel is closed and empty.
  [[nodiscard]] Task<Result<T>> pop(Deadline deadline) {
    while (values_.empty()) {
      if (closed_) co_return fail(Error::Kind::closed, "channel closed");
      const Result<void> woken = co_await arrived_.wait(deadline);
      if (!woken) co_return fail(woken.error());
    }
    T value = std::move(values_.front());
    values_.pop_front();
    co_return value;
  }
  [[nodiscard]] std::size_t size() const { return values_.size(); }

 private:
  std::size_t capacity_;
  bool closed_ = false;
  std::deque<T> values_;
  Signal arrived_;
};

}  // namespace ostler
