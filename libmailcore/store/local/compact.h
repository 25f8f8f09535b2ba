// compact.h - space comes back: live messages of mostly dead segments are appended again, then the whole state is written as a
// snapshot, and segments that hold nothing any more are unlinked. Segments are never punched or truncated.
#pragma once

#include <map>
#include <vector>

#include "libmailcore/store/local/account.h"

namespace ostler::store::local {

inline constexpr std::uint64_t kDeadEnough = 8 << 20;  ///< less dead content than this is not worth a snapshot

/// One run, on the thread that commits, with the account's lock held. Throws IndexFailure.
class Compaction {
 public:
  explicit Compaction(AccountFolder& folder) : folder_(folder) {}
  /// Is more than half of the content dead, and enough of it?
  [[nodiscard]] bool worthwhile() const;
  Result<void> run();

 private:
  struct Live {
    EmailId id;
    ContentPlace place;
  };
  [[nodiscard]] std::vector<Live> liveInVictims() const;
  Result<void> moveContent(const std::vector<Live>& live);
  Result<void> writeSnapshot();
  Result<void> appendBatch(const LogRecord& record);
  void unlinkDead(std::uint64_t before);

  AccountFolder& folder_;
  std::uint64_t snapshotSegment_ = 0;
};

}  // namespace ostler::store::local
