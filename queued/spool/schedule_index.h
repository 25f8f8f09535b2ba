// schedule_index.h - ScheduleIndex: the queue as it was at one place of the journal, in LMDB, so that start-up replays only what
// came after. Keys: queue id → packed message with its places; "destination\0KEY" → hold; "applied" → segment to replay from.
// The journal is the truth: a lost or unreadable index is thrown away and made again. Never MDB_NOSYNC, never MDB_WRITEMAP.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libmailcore/log/log.h"
#include "queued/spool/queue.h"

namespace ostler::spool {

class ScheduleIndex;

struct LoadedIndex {
  std::unique_ptr<ScheduleIndex> index;
  std::uint64_t replayFrom = 0;  ///< segment; 0: everything there is
};

/// Blocking. One thread at a time.
class ScheduleIndex {
 public:
  /// Opens or makes it, and restores its rows into the queue. An unreadable one is made anew. Errors: permanent (the folder).
  [[nodiscard]] static Result<LoadedIndex> open(const std::string& folder, Queue& queue, const log::Log& log);
  ~ScheduleIndex();
  ScheduleIndex(const ScheduleIndex&) = delete;
  ScheduleIndex& operator=(const ScheduleIndex&) = delete;

  /// What changed, as rows: a value, or nothing for a message that ended.
  struct Changes {
    std::vector<std::pair<Id128, std::optional<std::string>>> rows;
    std::vector<std::pair<std::string, Hold>> destinations;
    std::uint64_t replayFrom = 0;
  };
  [[nodiscard]] static std::string toRow(const Message& message);
  /// One transaction, synced. Errors: temporary, limit: nothing was changed.
  [[nodiscard]] Result<void> commit(const Changes& changes);

 private:
  struct Lmdb;
  explicit ScheduleIndex(std::unique_ptr<Lmdb> lmdb);
  std::unique_ptr<Lmdb> lmdb_;
};

}  // namespace ostler::spool
