// budget.h - how much content a process may hold at a time, over all sessions and threads.
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

namespace ostler::smtpd {

/// Any thread.
class Budget {
 public:
  explicit Budget(std::size_t octets) : left_(static_cast<long long>(octets)) {}

  /// What one session holds of it; comes back when this goes.
  class Share {
   public:
    explicit Share(Budget& of) : of_(&of) {}
    Share(Share&& other) noexcept : of_(other.of_), held_(std::exchange(other.held_, 0)) {}
    Share& operator=(Share&&) = delete;
    ~Share() { of_->left_ += held_; }
    /// From now on this holds so much. False: the budget has not that much left, and nothing changed.
    [[nodiscard]] bool hold(std::size_t octets) {
      const auto more = static_cast<long long>(octets) - held_;
      if (of_->left_.fetch_sub(more) < more && more > 0) {
        of_->left_ += more;
        return false;
      }
      held_ += more;
      return true;
    }

    [[nodiscard]] std::size_t held() const { return static_cast<std::size_t>(held_); }

   private:
    Budget* of_;
    long long held_ = 0;
  };

 private:
  std::atomic<long long> left_;
};

}  // namespace ostler::smtpd
