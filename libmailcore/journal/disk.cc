#include "libmailcore/journal/disk.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <system_error>

namespace ostler::journal {
namespace {

tl::unexpected<Error> failErrno(const std::string& call) {
  const int code = errno;
  const bool full = code == ENOSPC || code == EDQUOT || code == EFBIG;
  const auto kind = full ? Error::Kind::limit : code == ENOENT ? Error::Kind::notFound : Error::Kind::temporary;
  return fail(kind, call + ": " + std::generic_category().message(code));
}

// Takes `count` written octets off the front of `parts`.
std::span<iovec> advance(std::span<iovec> parts, std::size_t count) {
  while (!parts.empty() && count >= parts.front().iov_len) {
    count -= parts.front().iov_len;
    parts = parts.subspan(1);
  }
  if (!parts.empty()) {
    parts.front().iov_base = static_cast<char*>(parts.front().iov_base) + count;
    parts.front().iov_len -= count;
  }
  return parts;
}

}  // namespace

const Disk& Disk::real() {
  static const Disk disk;
  return disk;
}

Result<UniqueFd> Disk::open(int folder, const std::string& name, int flags) const {
  // The folder is the wall; processes of different users that share a mailbox share its log by their group.
  UniqueFd fd(::openat(folder, name.c_str(), flags | O_CLOEXEC, 0660));
  if (!fd) return failErrno("open " + name);
  return fd;
}

Result<void> Disk::write(int fd, std::span<iovec> parts, std::uint64_t offset) const {
  while (!parts.empty()) {
    const int count = static_cast<int>(std::min<std::size_t>(parts.size(), IOV_MAX));
    const ssize_t written = ::pwritev(fd, parts.data(), count, static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failErrno("pwritev");
    offset += static_cast<std::uint64_t>(written);
    parts = advance(parts, static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> Disk::allocate(int fd, std::uint64_t size) const {
  const int code = ::posix_fallocate(fd, 0, static_cast<off_t>(size));
  if (code == 0) return {};
  errno = code;
  return failErrno("posix_fallocate");
}

Result<void> Disk::syncData(int fd) const {
  if (::fdatasync(fd) != 0) return failErrno("fdatasync");
  return {};
}

Result<void> Disk::syncFolder(int fd) const {
  if (::fsync(fd) != 0) return failErrno("fsync");
  return {};
}

Result<void> Disk::rename(int folder, const std::string& from, const std::string& to) const {
  if (::renameat(folder, from.c_str(), folder, to.c_str()) != 0) return failErrno("rename " + from + " to " + to);
  return {};
}

Result<void> Disk::unlink(int folder, const std::string& name) const {
  if (::unlinkat(folder, name.c_str(), 0) != 0) return failErrno("unlink " + name);
  return {};
}

Result<std::size_t> readAt(int fd, std::span<char> into, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t got = ::pread(fd, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failErrno("pread");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

}  // namespace ostler::journal
