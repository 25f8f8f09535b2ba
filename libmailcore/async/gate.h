// gate.h - Gate: counts the sessions inside, tells them when the house closes, and waits until the last one has left.
// For SIGTERM: finish the dialogue step, 421/BYE the rest, lose nothing.
#pragma once

#include <functional>
#include <list>
#include <utility>

#include "libmailcore/async/loop.h"

namespace ostler {

/// One loop. Outlives its passes.
class Gate {
 public:
  explicit Gate(Loop& loop) : changed_(loop) {}
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  /// A session's presence. It leaves when this goes.
  class Pass {
   public:
    Pass() = default;
    Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)), at_(other.at_) {}
    Pass& operator=(Pass&& other) noexcept {
      if (this != &other) {
        leave();
        gate_ = std::exchange(other.gate_, nullptr);
        at_ = other.at_;
      }
      return *this;
    }
    ~Pass() { leave(); }

   private:
    friend class Gate;
    using Place = std::list<std::function<void()>>::iterator;
    Pass(Gate& gate, Place at) : gate_(&gate), at_(at) {}
    void leave() {
      if (auto* const gate = std::exchange(gate_, nullptr)) gate->left(at_);
    }
    Gate* gate_ = nullptr;
    Place at_;
  };

  /// `onClose` is called once, by close(), or at once when the gate is closed already. It must neither resume nor destroy a session:
  /// `[&] { connection.interruptRead(); }` is what it is for.
  [[nodiscard]] Pass enter(std::function<void()> onClose) {
    if (closed_ && onClose) onClose();
    return {*this, inside_.insert(inside_.end(), std::move(onClose))};
  }
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] std::size_t inside() const { return inside_.size(); }

  void close() {
    if (std::exchange(closed_, true)) return;
    for (const auto& onClose : inside_) {
      if (onClose) onClose();
    }
  }
  /// Errors: timeout, when somebody is inside still. One waiter at a time.
  [[nodiscard]] Task<Result<void>> whenEmpty(Deadline deadline) {
    while (!inside_.empty()) {
      const Result<void> woken = co_await changed_.wait(deadline);
      if (!woken) co_return woken;
    }
    co_return Result<void>();
  }

 private:
  void left(Pass::Place at) {
    inside_.erase(at);
    if (inside_.empty()) changed_.set();
  }
  bool closed_ = false;
  std::list<std::function<void()>> inside_;
  Signal changed_;
};

}  // namespace ostler
