// janitor.h - Janitor: once a second while there are changes, or after 10,000, commits the schedule index; then gives back segments of the journal
// that nothing needs any more. Oldest first: live messages are appended again before their segment goes. STATES.md 14.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "queued/spool/environment.h"
#include "queued/spool/schedule_index.h"

namespace ostler::spool {

/// One loop.
class Janitor {
 public:
  /// `replayFrom`: what the index named when it was opened.
  Janitor(Environment& env, ScheduleIndex& index, std::uint64_t replayFrom, journal::Position told);
  ~Janitor();
  /// `isStirred` is called when something happens to a queue to which nothing happened since it was on disk.
  void start(std::function<void()> isStirred);
  /// Blocks: the last commit before the process ends. REQUIRES: the ledger is settled, or what is not will be replayed.
  void commitNow();

 private:
  [[nodiscard]] Task<void> run();
  [[nodiscard]] bool hasNothingToDo() const;
  [[nodiscard]] Task<void> commitChanges();
  void noteReplayPlace();
  void retire();
  void limitBadmail();
  [[nodiscard]] Task<void> moveOldest();
  [[nodiscard]] Task<void> moveOne(Id128 id);

  Environment& env_;
  ScheduleIndex& index_;
  struct Place {
    SteadyTime at;
    std::uint64_t segment = 0;
  };
  std::deque<Place> places_;        ///< where the log was lately
  std::uint64_t replayFrom_ = 0;
  std::uint64_t committedFrom_ = 0; ///< what the index on disk names
  journal::Position told_;          ///< what lies before it the history knows
  WallTime badmailLookedAt_{};
  Signal somethingNew_;
  TaskScope scope_;
};

}  // namespace ostler::spool
