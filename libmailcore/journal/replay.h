// replay.h - reading a journal back, batch by batch: all of a batch or nothing of it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "libmailcore/journal/segment.h"

namespace ostler::journal {

/// All records of one batch, in order.
struct Batch {
  std::uint64_t number = 0;
  std::vector<Record> records;
};

/// Where reading stopped: the place and link for the next record.
struct ReplayEnd {
  std::uint64_t segment = 0;
  std::uint64_t offset = kSegmentStart;
  std::uint32_t link = 0;
  std::uint64_t nextBatch = 1;
};

/// A damaged place with good batches after it: not a torn tail. Told, left out, never silently.
struct Damage {
  Position from;
  Position to;
  std::string what;
};

struct Replayed {
  ReplayEnd end;
  std::vector<Damage> damage;
};

/// Calls `each` for every whole batch from `from` on (its number in `fromBatch`), over all segments, in order. A torn tail
/// (nothing good after it) ends it without damage. `each` returns false to stop early. Views are valid during the call.
/// Errors: permanent (the folder, a header), temporary (read error).
[[nodiscard]] Result<Replayed> replay(int folder, Position from, const std::function<bool(const Batch&)>& each);

/// Continues from an earlier end (a later batch may have been appended since), within the known or a following segment.
/// `link` in `from` is checked, so that a log which is not the continuation of what was read gives permanent.
[[nodiscard]] Result<Replayed> replayFrom(int folder, const ReplayEnd& from, const std::function<bool(const Batch&)>& each);

}  // namespace ostler::journal
