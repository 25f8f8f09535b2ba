#include "libmailcore/async/channel.h"

#include <algorithm>

namespace ostler {

// A task in acquire(). A permit that was given to it and not taken (its frame was destroyed) is passed on.
struct Semaphore::Waiting {
  explicit Waiting(Semaphore& in) : semaphore(in), turn(in.loop_) { semaphore.waiting_.push_back(this); }
  ~Waiting() {
    if (granted) {
      semaphore.release();
    } else {
      std::erase(semaphore.waiting_, this);
    }
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  Semaphore& semaphore;
  Signal turn;
  bool granted = false;
};

Semaphore::Semaphore(Loop& loop, std::size_t permits) : loop_(loop), permits_(permits) {}
Semaphore::~Semaphore() = default;

Task<Result<Semaphore::Permit>> Semaphore::acquire(Deadline deadline) {
  if (permits_ > 0) {
    --permits_;
    co_return Permit(this);
  }
  Waiting waiting(*this);
  const Result<void> woken = co_await waiting.turn.wait(deadline);
  if (!waiting.granted) co_return fail(woken ? Error{Error::Kind::timeout, "semaphore"} : woken.error());
  waiting.granted = false;
  co_return Permit(this);
}

void Semaphore::release() {
  if (waiting_.empty()) {
    ++permits_;
    return;
  }
  Waiting* const next = waiting_.front();
  waiting_.pop_front();
  next->granted = true;
  next->turn.set();
}

}  // namespace ostler
