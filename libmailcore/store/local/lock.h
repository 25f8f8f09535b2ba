// lock.h - OFD locks on a file of the account's folder, between processes and between threads that open the file anew.
#pragma once

#include <string>
#include <utility>

#include "libmailcore/base/clock.h"
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

/// Locks the whole of an open file if nobody has it. Errors: exists, temporary.
[[nodiscard]] Result<void> tryLock(int fd);

}  // namespace ostler::store::local
