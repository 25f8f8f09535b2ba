#include "queued/report/budget.h"

namespace ostler::report {

namespace {

constexpr std::size_t kDomainsMost = 10'000;

bool isOver(WallTime began, WallTime now) { return now < began || now - began >= std::chrono::hours(1); }

}  // namespace

bool Budget::take(const std::string& domain, WallTime now, std::uint64_t perHour) {
  if (perHour == 0) return true;
  if (byDomain_.size() >= kDomainsMost) {
    std::erase_if(byDomain_, [now](const auto& entry) { return isOver(entry.second.began, now); });
  }
  // So many different domains in one hour are forged as well.
  if (byDomain_.size() >= kDomainsMost && !byDomain_.contains(domain)) return false;
  Hour& hour = byDomain_[domain];
  if (hour.taken == 0 || isOver(hour.began, now)) hour = {now, 0};
  if (hour.taken >= perHour) return false;
  ++hour.taken;
  return true;
}

}  // namespace ostler::report
