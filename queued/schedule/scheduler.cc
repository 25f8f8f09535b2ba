#include "queued/schedule/scheduler.h"

namespace ostler::schedule {

std::optional<Id128> Scheduler::takeDue(WallTime now) {
  if (due_.empty() || due_.top().at > now) return std::nullopt;
  const Id128 message = due_.top().message;
  due_.pop();
  return message;
}

Destination& Scheduler::destination(const std::string& key, std::uint32_t maxConcurrency) {
  std::unique_ptr<Destination>& place = destinations_[key];
  if (!place) place = std::make_unique<Destination>(key, maxConcurrency);
  place->setMaxConcurrency(maxConcurrency);
  return *place;
}

Destination* Scheduler::find(const std::string& key) {
  const auto found = destinations_.find(key);
  return found == destinations_.end() ? nullptr : found->second.get();
}

std::optional<Scheduler::Start> Scheduler::start(WallTime now) {
  if (destinations_.empty() || (concurrency_ != 0 && running_ >= concurrency_)) return std::nullopt;
  auto at = destinations_.upper_bound(turn_);
  for (std::size_t tried = 0; tried < destinations_.size(); ++tried, ++at) {
    if (at == destinations_.end()) at = destinations_.begin();
    if (const auto message = at->second->start(now)) {
      ++running_;
      turn_ = at->first;
      return Start{at->second.get(), *message};
    }
  }
  return std::nullopt;
}

void Scheduler::finished(Destination& destination, HostVerdict verdict, WallTime now, std::chrono::seconds pause,
                         std::chrono::seconds longest) {
  if (running_ > 0) --running_;
  destination.finished(verdict, now, pause, longest);
}

void Scheduler::forgetIdle(WallTime now) {
  std::erase_if(destinations_, [now](const auto& entry) { return entry.second->idle(now); });
}

}  // namespace ostler::schedule
