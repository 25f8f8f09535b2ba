// large_files.h - LargeFiles: contents too big for the journal, a file each in queue/large/, named by queue id.
// `.ID` while written; `ID` once it is synced, before any record names it. Blocking: call from a pool. See STATES.md.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libmailcore/async/pool.h"
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
  /// As finish(), under another id beside its own: a message of its own has the same content. Errors: limit, temporary.
  [[nodiscard]] Result<void> share(const Id128& id, int fd, const Id128& as) const;
  [[nodiscard]] Result<UniqueFd> read(const Id128& id) const;
  /// Is it what was accepted? `crc`: of records that have none its size alone is known. Errors: permanent (it is not), limit, temporary.
  [[nodiscard]] Result<void> check(const Id128& id, std::uint64_t size, std::optional<std::uint32_t> crc) const;
  void unlink(const Id128& id) const;     ///< named or not
  [[nodiscard]] std::vector<std::string> names() const;
  void unlinkName(const std::string& name) const;

 private:
  explicit LargeFiles(UniqueFd folder) : folder_(std::move(folder)) {}
  UniqueFd folder_;
};

/// One content on its way into queue/large/. Each job that works on it holds it, too: so neither the descriptor goes while somebody
/// writes, whatever becomes of who asked for it, nor does a name stay that nobody kept. One job at a time.
class LargeFile {
 public:
  /// Nothing is made before the first write(). When the last holder lets go it is closed, and unlinked unless kept, on `disk`.
  [[nodiscard]] static std::shared_ptr<LargeFile> make(const LargeFiles& files, Pool& disk, const Id128& id);
  ~LargeFile();
  LargeFile(const LargeFile&) = delete;
  LargeFile& operator=(const LargeFile&) = delete;

  /// Blocks. Appends. Errors: limit (disk full), temporary; then it is of no use.
  [[nodiscard]] Result<void> write(std::string_view octets);
  /// Blocks. As LargeFiles::finish().
  [[nodiscard]] Result<void> finish() const;
  /// Blocks. As LargeFiles::share(); whether this one is kept or not.
  [[nodiscard]] Result<void> shareAs(const Id128& as) const;
  [[nodiscard]] int fd() const { return fd_.get(); }
  /// Of what was written.
  [[nodiscard]] std::uint32_t crc() const { return crc_; }
  /// Blocks. What was written is other octets now, so many. Errors: temporary.
  [[nodiscard]] Result<void> rewritten(std::uint64_t size);
  /// Errors: limit (too many are open).
  [[nodiscard]] Result<UniqueFd> copyFd() const;
  /// A record names it.
  void keep() { isKept_ = true; }

 private:
  LargeFile(const LargeFiles& files, const Id128& id) : files_(files), id_(id) {}
  const LargeFiles& files_;
  const Id128 id_;
  UniqueFd fd_;
  std::uint32_t crc_ = 0;
  bool isKept_ = false;
};

/// CRC32C of the first `length` octets. Errors: permanent (it is shorter), temporary.
[[nodiscard]] Result<std::uint32_t> crcOf(int fd, std::uint64_t length);
/// Writes all of it. Errors: limit (disk full), temporary.
[[nodiscard]] Result<void> writeAll(int fd, std::string_view octets);
/// [offset, offset + length). Errors: temporary (short file, read error).
[[nodiscard]] Result<std::string> readRange(int fd, std::uint64_t offset, std::uint64_t length);

}  // namespace ostler::spool
