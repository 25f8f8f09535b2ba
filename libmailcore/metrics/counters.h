// counters.h - Counters: what a process counts, by name, in a small file mapped into memory, so that counting costs no system
// call, another process can read it, and a restart goes on counting. Is not: how they are shown (queued/health).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "libmailcore/base/result.h"

namespace ostler::metrics {

/// Any thread.
class Counters {
 public:
  /// The file is made at need, with the mode 0640; what is no such file is made anew. Errors: permanent.
  [[nodiscard]] static Result<std::shared_ptr<Counters>> open(const std::string& file);
  ~Counters();
  Counters(const Counters&) = delete;
  Counters& operator=(const Counters&) = delete;

  /// Names of more than 46 octets and what is no name are counted as "other"; new names when 256 are there, not at all.
  void add(std::string_view name, std::uint64_t count = 1);

 private:
  struct Table;
  explicit Counters(Table* table) : table_(table) {}
  Table* table_;
  std::mutex naming_;
};

struct Reading {
  std::uint64_t pid = 0;  ///< who counted last
  std::map<std::string, std::uint64_t> counts;
};
/// What a process has counted so far. Names that hold anything but letters, digits, `-`, `_` and `.` are left out.
/// Errors: notFound, syntax (not such a file).
[[nodiscard]] Result<Reading> readCounters(const std::string& file);

}  // namespace ostler::metrics
