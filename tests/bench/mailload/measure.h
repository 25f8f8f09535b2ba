// measure.h - what every workload needs: its options, the clock, threads, and a line of JSON per measurement.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace mailload {

[[noreturn]] void die(const std::string& what);

/// The key=value words of the command line.
class Options {
 public:
  Options(int count, char** words);
  [[nodiscard]] bool has(const std::string& key) const { return values_.contains(key); }
  [[nodiscard]] std::string text(const std::string& key, const std::string& otherwise = "") const;
  [[nodiscard]] long number(const std::string& key, long otherwise) const;
  [[nodiscard]] bool flag(const std::string& key) const { return number(key, 0) != 0; }
  /// The value with a number where it has %d, modulo users=K.
  [[nodiscard]] std::string numbered(const std::string& key, const std::string& otherwise, long number) const;
  [[nodiscard]] long users() const { return std::max(1L, number("users", 1)); }

 private:
  std::map<std::string, std::string> values_;
};

class Stopwatch {
 public:
  [[nodiscard]] double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }
  [[nodiscard]] double milliseconds() const { return seconds() * 1e3; }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// How long `work` takes, in milliseconds.
template <class Work>
[[nodiscard]] double timed(Work&& work) {
  const Stopwatch watch;
  work();
  return watch.milliseconds();
}

/// work(0) ... work(count - 1), each on a thread of its own; returns when all have ended.
void inThreads(long count, const std::function<void(long)>& work);

/// REQUIRES: sorted, not empty.
[[nodiscard]] double percentile(const std::vector<double>& sorted, double share);

/// Prints median, minimum and maximum. `more`: further JSON members, each with a comma in front.
void report(const Options& options, const std::string& test, std::vector<double> values, const std::string& unit, const std::string& more = "");
/// Prints one figure.
void reportOne(const Options& options, const std::string& test, const std::string& median, const std::string& unit, const std::string& more = "");

[[nodiscard]] std::vector<std::string> split(const std::string& text, char at);

/// A message of so many octets, headers included, the same for the same number. No line begins with a dot.
[[nodiscard]] std::string message(long number, std::size_t octets);

}  // namespace mailload
