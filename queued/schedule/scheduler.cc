#include "queued/schedule/scheduler.h"

#include <algorithm>

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
  nextPaced_ = WallTime::max();
  if (concurrency_ != 0 && running_ >= concurrency_) return std::nullopt;
  auto at = lined_.upper_bound(turn_);
  for (std::size_t left = lined_.size(); left > 0; --left) {
    if (at == lined_.end()) at = lined_.begin();
    Destination* const destination = find(*at);
    if (destination == nullptr || destination->waiting() == 0) {
      at = lined_.erase(at);
      continue;
    }
    if (const auto message = destination->start(now)) {
      ++running_;
      turn_ = *at;
      return Start{destination, *message};
    }
    if (destination->pacedUntil() > now) nextPaced_ = std::min(nextPaced_, destination->pacedUntil());
    ++at;
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
