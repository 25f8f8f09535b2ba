// budget.h - how much content a process may hold at a time, over all sessions and threads; and what long envelopes may take of it.
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

namespace ostler::smtpd {

/// Any thread.
class Budget {
 public:
  explicit Budget(std::size_t octets) : total_(static_cast<long long>(octets)), left_(total_) {}

  /// What one session holds of it; comes back when this goes.
  class Share {
   public:
    explicit Share(Budget& of) : of_(&of) {}
    Share(Share&& other) noexcept : of_(other.of_), held_(std::exchange(other.held_, 0)) {}
    Share& operator=(Share&&) = delete;
    ~Share() { (void)hold(0); }
    /// From now on this holds so much. False: the budget has not that much left, and nothing changed.
    [[nodiscard]] bool hold(std::size_t octets) { return hold(octets, 0); }
    /// As hold(), of the first quarter alone: for what may be refused without loss, so that the rest is there for what may not.
    [[nodiscard]] bool holdSpare(std::size_t octets) { return hold(octets, of_->total_ / 4 * 3); }

    [[nodiscard]] std::size_t held() const { return static_cast<std::size_t>(held_); }

   private:
    // Leaves that much to others.
    bool hold(std::size_t octets, long long leaves) {
      const auto more = static_cast<long long>(octets) - held_;
      if (of_->left_.fetch_sub(more) - leaves < more && more > 0) {
        of_->left_ += more;
        return false;
      }
      held_ += more;
      if (more < 0) of_->returned_ -= more;
      return true;
    }

    Budget* of_;
    long long held_ = 0;
  };

  /// Octets that came back since they were taken last.
  [[nodiscard]] std::size_t returned() const { return static_cast<std::size_t>(returned_.load(std::memory_order_relaxed)); }
  [[nodiscard]] std::size_t takeReturned() { return static_cast<std::size_t>(returned_.exchange(0)); }

 private:
  const long long total_;
  std::atomic<long long> left_;
  std::atomic<long long> returned_ = 0;
};

}  // namespace ostler::smtpd
