// schedule_index.h - ScheduleIndex: the queue as it was at one place of the journal, in LMDB, so that start-up replays only what
// came after, and as the Archive of what the queue does not hold in memory. Tables: "states": queue id → StateRow, all that
// start-up reads; "packed": queue id → MessageRecord, of messages that have grown alone, for the journal has the others'; "transcripts":
// queue id → those of its last attempts; "filed": (place for a domain or sender, queue id) → nothing, so that looking for some costs no
// more than those; "about": "applied" → segment to replay from, "destination:KEY" → hold.
// The journal is the truth: a lost or unreadable index is thrown away and made again. Never MDB_NOSYNC, never MDB_WRITEMAP.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libmailcore/log/log.h"
#include "queued/spool/queue.h"

namespace ostler::spool {

class IndexTables;
class ScheduleIndex;

struct LoadedIndex {
  std::unique_ptr<ScheduleIndex> index;
  std::uint64_t replayFrom = 0;  ///< segment; 0: everything there is
  journal::Position told{};      ///< what lies before it is in the history; null: not known
};

/// Blocking; one thread at a time commits, any thread reads. What it reads lies in the page cache, or costs a page.
class ScheduleIndex : public Archive {
 public:
  /// Opens or makes it, restores its rows into the queue and becomes its archive. An unreadable one is made anew. Errors:
  /// permanent (the folder).
  [[nodiscard]] static Result<LoadedIndex> open(const std::string& folder, Queue& queue, const log::Log& log);
  /// The next open() makes it anew.
  static void forget(const std::string& folder);
  ~ScheduleIndex() override;
  ScheduleIndex(const ScheduleIndex&) = delete;
  ScheduleIndex& operator=(const ScheduleIndex&) = delete;

  /// What changed.
  struct Changes {
    struct Row {
      Id128 id;
      std::string state;   ///< encoded; empty: the message ended
      std::string packed;  ///< empty: as it is stored, or as the journal has it
      std::optional<journal::Position> unfiled;  ///< where its record stands, if that has to be read to file it
      std::vector<std::uint32_t> asStored;  ///< recipients of whom the stored row knows what was said last
      std::vector<Transcript> transcripts;  ///< those to be added
    };
    std::vector<Row> rows;
    std::map<std::string, Hold> destinations;  ///< all there are: others are forgotten
    RecordsAt recordsAt;
    std::uint64_t replayFrom = 0;
    journal::Position told{};
  };
  [[nodiscard]] static Changes::Row toRow(const Message& message);
  /// As the queue has them now.
  static void add(Changes& changes, const Queue& queue, std::span<const Id128> ids);
  /// One transaction, synced. Errors: temporary, limit: nothing was changed.
  [[nodiscard]] Result<void> commit(const Changes& changes);
  /// How many messages a transaction takes. Each page that it changes is held in memory until it ends, and the memory is kept for the
  /// next one: a page a message, and more, when they lie all over the index.
  static constexpr std::size_t kAtOnce = 4000;
  /// All that the queue says has changed, so many at once; the last transaction names `replayFrom`, those before it `before`, all
  /// of them `told`: a queue that is partly newer than where its replay starts does no harm, as records set state. Blocks. Errors: as commit().
  [[nodiscard]] Result<void> commitAll(Queue& queue, std::uint64_t before, std::uint64_t replayFrom, journal::Position told = {});

  [[nodiscard]] std::vector<Stored> read(std::span<const Id128> ids) const override;
  [[nodiscard]] std::vector<Transcript> transcriptsOf(const Id128& id) const override;
  [[nodiscard]] std::vector<Id128> idsAfter(const Id128& after, std::size_t most, const std::string& of) const override;

 private:
  explicit ScheduleIndex(std::unique_ptr<IndexTables> tables);
  std::unique_ptr<IndexTables> tables_;
};

}  // namespace ostler::spool
