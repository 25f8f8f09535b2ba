// ledger.h - Ledger: the journal as the spool's loop uses it. Commits come back to the loop in the order of the log, many with
// one wake-up; outcomes are gathered and appended together, and kept until they are synced.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "libmailcore/async/loop.h"
#include "libmailcore/journal/group_commit.h"
#include "libmailcore/log/log.h"
#include "queued/spool/records.h"

namespace ostler::spool {

[[nodiscard]] journal::NewRecord newRecord(const AnyRecord& record);

/// One loop. The journal outlives it.
class Ledger {
 public:
  using Synced = std::function<void(const journal::Committed&)>;

  Ledger(Loop& loop, journal::Journal& journal, log::Log log);
  /// What was noted is appended.
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  /// Appends and waits for the sync. `synced` is called on the loop, in the order of the log and before any later batch's, so
  /// that what it changes in the queue is never behind the log. Errors: temporary, limit: nothing of the batch is there. Once
  /// called it happens, whether the task is destroyed or not.
  [[nodiscard]] Task<Result<void>> commit(std::vector<journal::NewRecord> batch, Synced synced);

  /// Outcomes: what has happened and must not be forgotten. Appended with the next commit, or after
  /// 2 ms; when the journal cannot take
  /// them they are kept and tried again, and stuck() is true meanwhile.
  void note(const AnyRecord& record);
  /// A message that was delivered to all of its recipients.
  void noteDelivered(const Id128& id);
  /// Records that belong together and to outcomes noted before them; kept until synced, as those.
  void noteTogether(std::vector<journal::NewRecord> batch, Synced synced);
  /// Called once when everything noted so far is synced, however long the journal refuses it. What is noted later is not waited for.
  void whenSynced(std::function<void()> callback);
  /// Returns when everything noted so far is synced. Errors: temporary: the journal refused it; it is kept and written later.
  [[nodiscard]] Task<Result<void>> synced();

  /// Outcomes cannot be written: no delivery may start, no new mail be taken.
  [[nodiscard]] bool stuck() const;
  /// Nothing noted waits for its sync.
  [[nodiscard]] bool settled() const;
  /// Everything before this place has been applied to the queue. Null position: nothing was synced in this life.
  [[nodiscard]] journal::Position applied() const;
  [[nodiscard]] journal::Journal& journal();

 private:
  struct Core;
  std::shared_ptr<Core> core_;
};

}  // namespace ostler::spool
