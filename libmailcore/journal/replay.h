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

/// A damaged place with good batches after it: not a torn tail. Told, left out, never silently.
struct Damage {
  Position from;
  Position to;
  std::string what;
};

struct Replayed {
  LogEnd end;
  std::vector<Damage> damage;
};

/// Calls `each` for every whole batch from the segment `fromSegment` on, in order. A torn tail (nothing after it was ever synced)
/// ends it without damage. `each` returns false to stop early: end is then behind that batch. Views are valid during the call.
/// Errors: temporary (read error). Blocks.
[[nodiscard]] Result<Replayed> replay(int folder, std::uint64_t fromSegment, const std::function<bool(const Batch&)>& each);

/// Reads on where an earlier reading ended: batches appended since, in that segment and those after it. No search for damage.
/// Cheap when there is nothing new: one read and one look for the next segment. Errors: permanent (this is not a
/// continuation of what was read), notFound (the segment is gone), temporary.
[[nodiscard]] Result<LogEnd> replayFrom(int folder, const LogEnd& from, const std::function<bool(const Batch&)>& each);

}  // namespace ostler::journal
