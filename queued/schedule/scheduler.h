// scheduler.h - Scheduler: which message is looked at when, and which of those that wait for a next hop goes first.
// Pure: no clock of its own, no I/O, so that tests and `ostler queue simulate` run days in a moment.
// Destinations take turns; inside one, senders do (destination.h). A message in it twice or gone meanwhile does no harm: who
// takes it out looks whether it is still due.
#pragma once

#include <map>
#include <memory>
#include <queue>
#include <set>
#include <vector>

#include "queued/schedule/destination.h"

namespace ostler::schedule {

class Scheduler {
 public:
  /// `concurrency`: deliveries to other hosts in all. 0: no limit.
  explicit Scheduler(std::uint64_t concurrency) : concurrency_(concurrency) {}
  void setConcurrency(std::uint64_t concurrency) { concurrency_ = concurrency; }

  void wakeAt(WallTime due, const Id128& message) { due_.push({due, message}); }
  /// The next message whose time has come.
  [[nodiscard]] std::optional<Id128> takeDue(WallTime now);
  /// When takeDue() gives something next, and when a resting destination may be asked again; max() if never.
  [[nodiscard]] WallTime nextDue() const { return due_.empty() ? WallTime::max() : due_.top().at; }
  /// When a destination with a pace may go on; max() if none waits for that.
  [[nodiscard]] WallTime nextPaced() const { return nextPaced_; }
  [[nodiscard]] std::size_t scheduled() const { return due_.size(); }

  Destination& destination(const std::string& key, std::uint32_t maxConcurrency);
  [[nodiscard]] Destination* find(const std::string& key);
  [[nodiscard]] const std::map<std::string, std::unique_ptr<Destination>>& destinations() const { return destinations_; }

  /// Puts a message in line for a next hop.
  void push(Destination& destination, std::uint64_t sender, const Id128& message, std::int8_t priority = 0) {
    destination.push(sender, message, priority);
    lined_.insert(destination.key());
  }
  struct Start {
    Destination* destination = nullptr;
    Id128 message;
  };
  /// The next delivery that may start, destinations in turn.
  [[nodiscard]] std::optional<Start> start(WallTime now);
  void finished(Destination& destination, HostVerdict verdict, WallTime now, std::chrono::seconds pause,
                std::chrono::seconds longest);
  /// Drops destinations where nothing waits, runs or is laid on.
  void forgetIdle(WallTime now);

 private:
  struct Due {
    WallTime at;
    Id128 message;
    bool operator>(const Due& other) const { return at > other.at; }
  };
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::map<std::string, std::unique_ptr<Destination>> destinations_;
  std::set<std::string> lined_;  ///< destinations that may have somebody in line: the others cost nothing
  std::string turn_;  ///< key of the destination that started last
  WallTime nextPaced_ = WallTime::max();
  std::uint64_t concurrency_;
  std::uint64_t running_ = 0;
};

}  // namespace ostler::schedule
