// scheduler.h - Scheduler: which message is looked at when, and which of those that wait for a next hop goes first.
// Pure: no clock of its own, no I/O, so that tests and `ostler queue simulate` run days in a moment.
// Destinations take turns; inside one, senders do (destination.h). A message in it twice or gone meanwhile does no harm: who
// takes it out looks whether it is still due.
//
// Hosts that hang must not keep the others waiting, and there is a limit to all deliveries. So a delivery that has run for more
// than a moment counts a tenth: it waits for its host, not we for it. And hosts that have not answered yet get three quarters of
// the limit, those that did not answer last time one quarter: the rest is kept for those that do.
#pragma once

#include <array>
#include <list>
#include <map>
#include <memory>
#include <queue>
#include <vector>

#include "queued/schedule/destination.h"

namespace ostler::schedule {

/// A delivery under way, as the limit counts it.
struct Running {
  WallTime began;
  Standing standing = Standing::untried;  ///< of its destination when it began
  bool isSlow = false;
};

/// A delivery that may begin. Comes back with finished().
struct Start {
  Destination* destination = nullptr;
  Id128 message;
  std::list<Running>::iterator running;
};

class Scheduler {
 public:
  /// A delivery that runs longer counts a tenth.
  static constexpr std::chrono::seconds kSlowAfter{2};
  static constexpr std::uint64_t kSlowCount = 10;  ///< of those as much as one of the others

  /// `concurrency`: deliveries to other hosts in all. 0: no limit.
  explicit Scheduler(std::uint64_t concurrency) : concurrency_(concurrency) {}
  void setConcurrency(std::uint64_t concurrency) { concurrency_ = concurrency; }

  /// A message and when it is looked at. Those due together go in the order they came, which is that of the log and of the index:
  /// what is read and written for them then lies side by side.
  struct Due {
    WallTime at;
    Id128 message;
    bool operator>(const Due& other) const { return at != other.at ? at > other.at : message > other.message; }
  };
  void wakeAt(WallTime due, const Id128& message) { due_.push({due, message}); }
  /// Forgets every other time that was said.
  void wakeOnly(std::vector<Due> all);
  /// The next message whose time has come.
  [[nodiscard]] std::optional<Id128> takeDue(WallTime now);
  /// When takeDue() gives something next, and when a resting destination may be asked again; max() if never.
  [[nodiscard]] WallTime nextDue() const { return due_.empty() ? WallTime::max() : due_.top().at; }
  /// When start() may give something although nothing finished: a pace lets it, or a delivery has become slow; max() if never.
  [[nodiscard]] WallTime nextStart() const { return nextStart_; }
  [[nodiscard]] std::size_t scheduled() const { return due_.size(); }

  Destination& destination(const std::string& key, std::uint32_t maxConcurrency);
  [[nodiscard]] Destination* find(const std::string& key);
  [[nodiscard]] const std::map<std::string, std::unique_ptr<Destination>>& destinations() const { return destinations_; }

  /// Puts a message in line for a next hop.
  void push(Destination& destination, std::uint64_t sender, const Id128& message, std::int8_t priority = 0) {
    destination.push(sender, message, priority);
    lined_[destination.key()] = &destination;
  }
  /// The next delivery that may start, destinations in turn.
  [[nodiscard]] std::optional<Start> start(WallTime now);
  void finished(const Start& started, HostVerdict verdict, WallTime now, std::chrono::seconds pause, std::chrono::seconds longest);
  /// Drops destinations where nothing waits, runs or is laid on.
  void forgetIdle(WallTime now);
  /// Deliveries under way.
  [[nodiscard]] std::size_t running() const { return quick_.size() + slow_.size(); }

 private:
  void noteSlow(WallTime now);
  [[nodiscard]] bool hasRoomFor(Standing standing) const;

  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::map<std::string, std::unique_ptr<Destination>> destinations_;
  std::map<std::string, Destination*> lined_;  ///< those that may have somebody in line: the others cost nothing
  std::string turn_;                           ///< key of the destination that started last
  WallTime nextStart_ = WallTime::max();
  std::uint64_t concurrency_;
  std::uint32_t lastNumber_ = 0;
  std::list<Running> quick_;  ///< the oldest first
  std::list<Running> slow_;
  std::array<std::uint64_t, kStandings> load_{};  ///< of each standing, in parts: kSlowCount of a quick one, one of a slow one
};

}  // namespace ostler::schedule
