// retelling.h - Retelling: what became of messages in the last moments before a crash, as the journal says it, for a history that was
// not written down until then. Of a delivery the journal knows that it was, not the next hop's words.
#pragma once

#include <vector>

#include "libmailcore/journal/replay.h"
#include "queued/spool/history.h"
#include "queued/spool/queue.h"

namespace ostler::spool {

class Retelling {
 public:
  /// `told`: what lies before it in the log is in the history. Null: that is not known, and nothing is told again.
  explicit Retelling(journal::Position told) : told_(told) {}
  /// A batch that is replayed, before `queue` is given it.
  void look(const journal::Batch& batch, const Queue& queue, WallTime now);
  /// For History::tellAgain().
  [[nodiscard]] std::vector<History::Retold> take() { return std::exchange(retold_, {}); }

 private:
  void look(const MessageRecord& record, const Queue& queue);
  void look(const OutcomeRecord& outcome, const Queue& queue, WallTime now);
  void lookDelivered(const Id128& id, const Queue& queue, WallTime now);
  journal::Position told_;
  std::vector<History::Retold> retold_;
};

}  // namespace ostler::spool
