// tidier.h - gives memory back to the system that the heap keeps behind what sessions gave back to the budget.
#pragma once

#include <chrono>
#include <cstddef>

#include "libmailcore/async/loop.h"
#include "smtpd/budget.h"

namespace ostler::smtpd {

/// One loop. `budget` outlives it.
class Tidier {
 public:
  static constexpr std::size_t kWorthIt = 4U << 20;
  static constexpr std::chrono::seconds kTidy{5};

  Tidier(Loop& loop, Budget& budget) : loop_(loop), budget_(budget), tidying_(loop) {}

  /// Called wherever something may have come back, however often: once enough has, the heap is tidied soon, every `kTidy` at most. Until
  /// then nothing waits, so nothing wakes an idle process.
  void look() {
    if (budget_.returned() >= kWorthIt) begin();
  }
  [[nodiscard]] bool isWaiting() const { return tidying_.running() != 0; }

 private:
  void begin();
  [[nodiscard]] Task<void> tidy();

  Loop& loop_;
  Budget& budget_;
  TaskScope tidying_;
};

}  // namespace ostler::smtpd
