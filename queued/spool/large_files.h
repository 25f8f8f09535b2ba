// large_files.h - LargeFiles: contents too big for the journal, a file each in queue/large/, named by queue id.
// `.ID` while written; `ID` once it is synced, before any record names it. Blocking: call from a pool. See STATES.md.
#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "libmailcore/base/ids.h"
#include "libmailcore/base/result.h"
#include "libmailcore/base/unique_fd.h"

namespace ostler::spool {

/// Any thread.
class LargeFiles {
 public:
  /// Makes the folder. Errors: permanent.
  [[nodiscard]] static Result<LargeFiles> open(const std::string& queueDir);

  /// `.ID`, opened for writing. Errors: limit (disk full), temporary.
  [[nodiscard]] Result<UniqueFd> create(const Id128& id) const;
  /// Synced, named, the folder synced. Errors: limit, temporary; then it is gone.
  [[nodiscard]] Result<void> finish(const Id128& id, int fd) const;
  [[nodiscard]] Result<UniqueFd> read(const Id128& id) const;
  void unlink(const Id128& id) const;     ///< named or not
  [[nodiscard]] std::vector<std::string> names() const;
  void unlinkName(const std::string& name) const;

 private:
  explicit LargeFiles(UniqueFd folder) : folder_(std::move(folder)) {}
  UniqueFd folder_;
};

/// Writes all of it. Errors: limit (disk full), temporary.
[[nodiscard]] Result<void> writeAll(int fd, std::string_view octets);
/// [offset, offset + length). Errors: temporary (short file, read error).
[[nodiscard]] Result<std::string> readRange(int fd, std::uint64_t offset, std::uint64_t length);

}  // namespace ostler::spool
