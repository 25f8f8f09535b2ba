#include "libmailcore/store/local/lock.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <thread>

namespace ostler::store::local {
namespace {

int setLock(int fd, short type) {
  struct flock lock{};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return ::fcntl(fd, F_OFD_SETLK, &lock);
}

}  // namespace

Result<void> tryLock(int fd) {
  if (setLock(fd, F_WRLCK) == 0) return {};
  if (errno == EAGAIN || errno == EACCES) return fail(Error::Kind::exists, "locked by another");
  return fail(Error::Kind::temporary, std::string("lock: ") + std::strerror(errno));
}

bool wroteLast(int fd, const Id128& writer) {
  std::array<char, 16> mark{};
  const ssize_t got = ::pread(fd, mark.data(), mark.size(), 0);
  return got == static_cast<ssize_t>(mark.size()) && std::string_view(mark.data(), mark.size()) == writer.octets();
}

// After the first time the file has its block, so a full disk does not hinder it.
Result<void> leaveMark(int fd, const Id128& writer) {
  const std::string_view mark = writer.octets();
  if (::pwrite(fd, mark.data(), mark.size(), 0) == static_cast<ssize_t>(mark.size())) return {};
  const auto kind = errno == ENOSPC || errno == EDQUOT ? Error::Kind::limit : Error::Kind::temporary;
  return fail(kind, std::string("lock: ") + std::strerror(errno));
}

Result<HeldLock> HeldLock::take(int fd, Deadline deadline) {
  using namespace std::chrono_literals;
  // The kernel has no lock with a deadline but one by signals. A commit takes some 200 us, so this looks again that soon, then less often.
  for (std::chrono::microseconds pause = 50us;; pause = std::min<std::chrono::microseconds>(pause * 3 / 2, 2ms)) {
    const Result<void> locked = tryLock(fd);
    if (locked) return HeldLock(fd);
    if (locked.error().kind != Error::Kind::exists) return fail(locked.error());
    if (deadline.passed()) return fail(Error::Kind::temporary, "account lock: another process did not give it back in time");
    std::this_thread::sleep_for(pause);
  }
}

void HeldLock::release() {
  if (fd_ >= 0) (void)setLock(std::exchange(fd_, -1), F_UNLCK);
}

}  // namespace ostler::store::local
