#include "queued/schedule/scheduler.h"

#include <algorithm>

namespace ostler::schedule {

void Scheduler::wakeOnly(std::vector<Due> all) {
  due_ = decltype(due_)(std::greater<>(), std::move(all));
}

std::optional<Id128> Scheduler::takeDue(WallTime now) {
  if (due_.empty() || due_.top().at > now) return std::nullopt;
  const Id128 message = due_.top().message;
  due_.pop();
  return message;
}

Destination& Scheduler::destination(const std::string& key, std::uint32_t maxConcurrency) {
  std::unique_ptr<Destination>& place = destinations_[key];
  if (!place) place = std::make_unique<Destination>(key, maxConcurrency, ++lastNumber_);
  place->setMaxConcurrency(maxConcurrency);
  return *place;
}

Destination* Scheduler::find(const std::string& key) {
  const auto found = destinations_.find(key);
  return found == destinations_.end() ? nullptr : found->second.get();
}

void Scheduler::noteSlow(WallTime now) {
  while (!quick_.empty() && quick_.front().began + kSlowAfter <= now) {
    Running& late = quick_.front();
    late.isSlow = true;
    load_[static_cast<std::size_t>(late.standing)] -= kSlowCount - 1;
    slow_.splice(slow_.end(), quick_, quick_.begin());
  }
}

bool Scheduler::hasRoomFor(Standing standing) const {
  if (concurrency_ == 0) return true;
  const std::uint64_t limit = concurrency_ * kSlowCount;
  const std::uint64_t failing = load_[static_cast<std::size_t>(Standing::failing)];
  const std::uint64_t unproven = failing + load_[static_cast<std::size_t>(Standing::untried)];
  if (unproven + load_[static_cast<std::size_t>(Standing::proven)] >= limit) return false;
  if (standing == Standing::proven) return true;
  return unproven < limit * 3 / 4 && (standing == Standing::untried || failing < limit / 4);
}

std::optional<Start> Scheduler::start(WallTime now) {
  noteSlow(now);
  nextStart_ = WallTime::max();
  std::array<bool, kStandings> hasRoom{};
  for (std::size_t at = 0; at < kStandings; ++at) hasRoom[at] = hasRoomFor(static_cast<Standing>(at));
  bool isFull = false;
  auto at = lined_.upper_bound(turn_);
  // Who has proven to answer has room while anybody has.
  for (std::size_t left = hasRoom[0] ? lined_.size() : 0; left > 0; --left) {
    if (at == lined_.end()) at = lined_.begin();
    Destination* const destination = at->second;
    if (destination->waiting() == 0) {
      at = lined_.erase(at);
      continue;
    }
    const Standing standing = destination->standing();
    if (!hasRoom[static_cast<std::size_t>(standing)]) {
      isFull = true;
      ++at;
      continue;
    }
    if (const auto message = destination->start(now)) {
      load_[static_cast<std::size_t>(standing)] += kSlowCount;
      turn_ = at->first;
      return Start{destination, *message, quick_.insert(quick_.end(), Running{now, standing, false})};
    }
    for (const WallTime then : {destination->pacedUntil(), destination->retryAt()}) {
      if (then > now) nextStart_ = std::min(nextStart_, then);
    }
    ++at;
  }
  isFull = isFull || (!hasRoom[0] && !lined_.empty());
  if (isFull && !quick_.empty()) nextStart_ = std::min(nextStart_, quick_.front().began + kSlowAfter);
  return std::nullopt;
}

void Scheduler::finished(const Start& started, HostVerdict verdict, WallTime now, std::chrono::seconds pause,
                         std::chrono::seconds longest) {
  const Running running = *started.running;
  load_[static_cast<std::size_t>(running.standing)] -= running.isSlow ? 1 : kSlowCount;
  (running.isSlow ? slow_ : quick_).erase(started.running);
  started.destination->finished(verdict, now, pause, longest);
}

void Scheduler::forgetIdle(WallTime now) {
  std::erase_if(destinations_, [this, now](const auto& entry) {
    const bool isIdle = entry.second->idle(now);
    if (isIdle) lined_.erase(entry.first);
    return isIdle;
  });
}

}  // namespace ostler::schedule
