// supervisor_lock.h - who supervises an instance: a lock on RUN_DIR/supervisor.lock. The kernel names its holder and
// takes it away when the holder dies, so no pid file can be stale and no stranger's pid is ever signalled.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "libmailcore/base/clock.h"
#include "libmailcore/base/result.h"
#include "libmailcore/base/unique_fd.h"

namespace ostler::tools {

/// Held as long as the object lives, by this process alone (a child of fork() does not hold it).
class SupervisorLock {
 public:
  /// Waits for the lock until the deadline: a supervisor that was killed may be still on its way out.
  /// Errors: exists (somebody holds it, named with its pid), permanent.
  [[nodiscard]] static Result<SupervisorLock> take(const std::string& runDir, Deadline deadline);
  /// The process that holds it.
  [[nodiscard]] static std::optional<pid_t> holder(const std::string& runDir);

 private:
  explicit SupervisorLock(UniqueFd file) : file_(std::move(file)) {}
  UniqueFd file_;
};

}  // namespace ostler::tools
