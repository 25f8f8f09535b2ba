#include "queued/tools/supervisor_lock.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <thread>

namespace ostler::tools {
namespace {

std::string lockFile(const std::string& runDir) {
  return runDir + "/supervisor.lock";
}

struct flock wholeFile() {
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

Result<SupervisorLock> SupervisorLock::take(const std::string& runDir, Deadline deadline) {
  UniqueFd file(::open(lockFile(runDir).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file) return fail(Error::Kind::permanent, "cannot open " + lockFile(runDir) + ": " + std::strerror(errno));
  while (true) {
    struct flock lock = wholeFile();
    if (::fcntl(file.get(), F_SETLK, &lock) == 0) return SupervisorLock(std::move(file));
    if (errno != EAGAIN && errno != EACCES) {
      return fail(Error::Kind::permanent, "cannot lock " + lockFile(runDir) + ": " + std::strerror(errno));
    }
    if (deadline.passed()) {
      const auto pid = holder(runDir);
      return fail(Error::Kind::exists, "process " + (pid ? std::to_string(*pid) : "?") + " runs this instance already");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

std::optional<pid_t> SupervisorLock::holder(const std::string& runDir) {
  const UniqueFd file(::open(lockFile(runDir).c_str(), O_RDWR | O_CLOEXEC));
  struct flock lock = wholeFile();
  if (!file || ::fcntl(file.get(), F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK || lock.l_pid <= 0)
    return std::nullopt;
  return lock.l_pid;
}

}  // namespace ostler::tools
