// unreachable.h - Unreachable: what was down a moment ago, so that not every message waits for it first.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "libmailcore/base/clock.h"

namespace ostler::out {

/// Hosts and endpoints, by their names. One loop.
class Unreachable {
 public:
  void note(const std::string& key) { until_[key] = std::chrono::steady_clock::now() + kFor; }
  void forget(const std::string& key) { until_.erase(key); }
  [[nodiscard]] bool isEmpty() const { return until_.empty(); }
  void sweep(SteadyTime now) {
    std::erase_if(until_, [&](const auto& entry) { return entry.second <= now; });
  }
  /// In the order they came, those last that could not be reached.
  template <class T>
  [[nodiscard]] std::vector<T> reachableFirst(const std::vector<T>& all, std::string (*keyOf)(const T&)) const {
    const SteadyTime now = std::chrono::steady_clock::now();
    std::vector<T> out;
    std::vector<T> late;
    for (const T& one : all) {
      const auto known = until_.find(keyOf(one));
      (known == until_.end() || known->second <= now ? out : late).push_back(one);
    }
    out.insert(out.end(), late.begin(), late.end());
    return out;
  }

 private:
  static constexpr std::chrono::seconds kFor{60};
  std::unordered_map<std::string, SteadyTime> until_;
};

}  // namespace ostler::out
