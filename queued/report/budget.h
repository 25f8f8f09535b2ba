// budget.h - Budget: how many reports may go to one domain in an hour, so that mail with forged senders does not make us a source
// of backscatter. Pure: every time is handed in.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "libmailcore/base/clock.h"

namespace ostler::report {

class Budget {
 public:
  /// May one more go there? Then it is counted. `perHour` 0: always.
  [[nodiscard]] bool take(const std::string& domain, WallTime now, std::uint64_t perHour);

 private:
  struct Hour {
    WallTime began;
    std::uint64_t taken = 0;
  };
  std::unordered_map<std::string, Hour> byDomain_;
};

}  // namespace ostler::report
