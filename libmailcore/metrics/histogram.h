// histogram.h - Histogram: how many things took how long, in classes that grow, for Prometheus. Forgotten with its process.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace ostler::metrics {

/// Any thread; adding costs three additions.
class Histogram {
 public:
  /// Upper ends of the classes, in milliseconds; what takes longer than the last is counted behind them.
  static constexpr std::array<std::uint64_t, 11> kUpToMillis = {1, 5, 20, 100, 500, 2'000, 10'000, 60'000, 600'000, 3'600'000, 86'400'000};

  void add(std::chrono::nanoseconds took) {
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
    const auto taken = micros < 0 ? 0 : static_cast<std::uint64_t>(micros);
    std::size_t at = 0;
    while (at < kUpToMillis.size() && taken > kUpToMillis[at] * 1000) ++at;
    counts_[at].fetch_add(1, std::memory_order_relaxed);
    micros_.fetch_add(taken, std::memory_order_relaxed);
  }

  struct Reading {
    std::array<std::uint64_t, kUpToMillis.size() + 1> counts{};  ///< of each class alone; the last: longer than all
    std::uint64_t micros = 0;                                    ///< all together
  };
  [[nodiscard]] Reading read() const {
    Reading reading;
    for (std::size_t at = 0; at < reading.counts.size(); ++at) reading.counts[at] = counts_[at].load(std::memory_order_relaxed);
    reading.micros = micros_.load(std::memory_order_relaxed);
    return reading;
  }

 private:
  std::array<std::atomic<std::uint64_t>, kUpToMillis.size() + 1> counts_{};
  std::atomic<std::uint64_t> micros_{0};
};

}  // namespace ostler::metrics
