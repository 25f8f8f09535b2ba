// lock.h - OFD locks on a file of the account's folder, between processes and between threads that open the file anew; and in the
// write lock's file the mark of who wrote last.
#pragma once

#include <string>
#include <utility>

#include "libmailcore/base/clock.h"
#include "libmailcore/base/ids.h"
#include "libmailcore/base/result.h"
#include "libmailcore/base/unique_fd.h"

namespace ostler::store::local {

/// The account's write lock, held. The kernel gives it back when the process dies.
class HeldLock {
 public:
  /// Blocks until the deadline. Errors: temporary (another process holds it, perhaps it is stopped).
  [[nodiscard]] static Result<HeldLock> take(int fd, Deadline deadline);
  HeldLock(HeldLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  HeldLock& operator=(HeldLock&&) = delete;
  ~HeldLock() { release(); }
  void release();

 private:
  explicit HeldLock(int fd) : fd_(fd) {}
  int fd_;
};

/// Did this writer leave its mark last? Then nobody else has had the lock since. REQUIRES (both): the write lock is held.
[[nodiscard]] bool wroteLast(int fd, const Id128& writer);
/// Errors: temporary, limit: others could not see that we were here, so nothing may be written.
[[nodiscard]] Result<void> leaveMark(int fd, const Id128& writer);

/// Locks the whole of an open file if nobody has it. Errors: exists, temporary.
[[nodiscard]] Result<void> tryLock(int fd);

}  // namespace ostler::store::local
