#include "queued/schedule/destination.h"

#include <algorithm>

namespace ostler::schedule {

namespace {

constexpr std::chrono::milliseconds kMoment{50};

}  // namespace

void Destination::push(std::uint64_t sender, const Id128& message, std::int8_t priority) {
  Lane& lane = lanes_[priority];
  auto [place, isNew] = lane.bySender.try_emplace(sender);
  if (isNew) place->second = lane.lines.insert(lane.lines.end(), Line{sender, {}});
  place->second->messages.push_back(message);
  ++waiting_;
}

DestinationState Destination::state(WallTime now) const {
  if (administrative_ != DestinationState::active) return administrative_;
  if (now >= awakeUntil_) return DestinationState::asleep;
  return rest_.covers(now) ? DestinationState::retry : DestinationState::active;
}

std::optional<Id128> Destination::start(WallTime now) {
  // After a pause one message goes first: whether the host is back costs one attempt, not a window of them.
  const std::uint32_t allowed = failuresInARow_ > 0 ? 1 : window();
  if (lanes_.empty() || running_ >= allowed || state(now) != DestinationState::active) return std::nullopt;
  if (rate_.count != 0) {
    const auto distance = std::chrono::duration_cast<WallTime::duration>(rate_.distance());
    const bool isClockSetBack = pacedUntil_ > now + distance;
    if (now < pacedUntil_ && !isClockSetBack) return std::nullopt;
    // Who looks a moment late does not make the next one late, too.
    const bool isOnTime = now < pacedUntil_ + kMoment && !isClockSetBack;
    pacedUntil_ = (isOnTime ? pacedUntil_ : now) + distance;
  }
  const auto first = lanes_.begin();
  auto& [lines, bySender] = first->second;
  const auto line = lines.begin();
  const Id128 message = line->messages.front();
  line->messages.pop_front();
  --waiting_;
  if (line->messages.empty()) {
    bySender.erase(line->sender);
    lines.erase(line);
    if (lines.empty()) lanes_.erase(first);
  } else {
    lines.splice(lines.end(), lines, line);
  }
  ++running_;
  return message;
}

void Destination::finished(HostVerdict verdict, WallTime now, std::chrono::seconds pause, std::chrono::seconds longest) {
  if (running_ > 0) --running_;
  if (verdict == HostVerdict::notAsked) return;
  ++attempts_;
  if (verdict == HostVerdict::answered) {
    failuresInARow_ = 0;
    hasAnswered_ = true;
    rest_ = {};
    if (++successes_ < window_ || wantsLess(now)) return;
    successes_ = 0;
    if (most_ == 0 || window_ < most_) ++window_;
    return;
  }
  successes_ = 0;
  lastFailure_ = verdict;
  if (verdict == HostVerdict::noAnswer) {
    window_ = std::max(window_ / 2, 1U);
    return rest(now, pause, longest);
  }
  hasAnswered_ = true;
  window_ = std::clamp(window(), 1U, std::max(running_, 1U));
  less_ = {now, now + longest};
  if (running_ == 0) rest(now, pause, longest);
}

void Destination::rest(WallTime now, std::chrono::seconds pause, std::chrono::seconds longest) {
  if (rest_.covers(now)) return;  // found out by a delivery that ran beside the first one
  const auto factor = 1U << std::min(failuresInARow_, 10U);
  ++failuresInARow_;
  rest_ = {now, now + std::min(pause * factor, std::max(longest, pause))};
}

std::vector<Id128> Destination::take(std::size_t most) {
  std::size_t taken = 0;
  return takeFromFront([&taken, most](const Id128&) { return taken++ < most; });
}

std::vector<Id128> Destination::takeFromFront(const std::function<bool(const Id128&)>& isOver) {
  std::vector<Id128> taken;
  for (auto lane = lanes_.begin(); lane != lanes_.end();) {
    auto& [lines, bySender] = lane->second;
    for (auto line = lines.begin(); line != lines.end();) {
      while (!line->messages.empty() && isOver(line->messages.front())) {
        taken.push_back(line->messages.front());
        line->messages.pop_front();
        --waiting_;
      }
      if (!line->messages.empty()) {
        ++line;
        continue;
      }
      bySender.erase(line->sender);
      line = lines.erase(line);
    }
    lane = lines.empty() ? lanes_.erase(lane) : std::next(lane);
  }
  return taken;
}

}  // namespace ostler::schedule
