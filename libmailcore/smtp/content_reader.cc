#include "libmailcore/smtp/content_reader.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "libmailcore/base/unique_fd.h"

namespace ostler::smtp {
namespace {

constexpr std::size_t kStep = 256 * 1024;

Result<std::string> readWaiting(int fd, std::uint64_t offset, std::uint64_t most) {
  std::string out(most, '\0');
  const ssize_t got = ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
  if (got <= 0) return fail(Error::Kind::permanent, "the content is shorter than announced, or cannot be read");
  out.resize(static_cast<std::size_t>(got));
  return out;
}

// What the page cache has, up to where it ends; empty: nothing, and a read would wait.
std::string readCached(int fd, std::uint64_t offset, std::uint64_t most) {
  std::string out(most, '\0');
  const iovec to{out.data(), out.size()};
  const ssize_t got = ::preadv2(fd, &to, 1, static_cast<off_t>(offset), RWF_NOWAIT);
  out.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return out;
}

// The job's own descriptor: the caller's may be closed, and its number in use again, while the job waits.
struct ColdRead {
  std::shared_ptr<UniqueFd> fd;
  std::uint64_t offset;
  std::uint64_t most;
  Result<std::string> operator()() const { return readWaiting(fd->get(), offset, most); }
};
struct ColdWarm {
  std::shared_ptr<UniqueFd> fd;
  std::uint64_t offset;
  std::uint64_t length;
  Result<bool> operator()() const {
    for (std::uint64_t at = 0; at < length; at += kStep) {
      if (!readWaiting(fd->get(), offset + at, std::min<std::uint64_t>(kStep, length - at))) return false;
    }
    return true;
  }
};

std::shared_ptr<UniqueFd> ownCopy(int fd) { return std::make_shared<UniqueFd>(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

}  // namespace

Task<Result<std::string>> ContentReader::read(std::uint64_t offset, std::uint64_t most) {
  std::string cached = readCached(fd_, offset, most);
  if (!cached.empty()) co_return cached;
  if (!cold_) co_return readWaiting(fd_, offset, most);
  ColdRead job{ownCopy(fd_), offset, most};
  Result<std::string> got = co_await cold_->run(loop_, std::move(job));
  co_return got;
}

Task<void> ContentReader::warm(std::uint64_t offset, std::uint64_t length) {
  if (!cold_ || length == 0) co_return;
  // Files are read ahead in order: when the end of a range is there, so is its beginning.
  if (!readCached(fd_, offset + length - 1, 1).empty()) co_return;
  ColdWarm job{ownCopy(fd_), offset, length};
  const Result<bool> done = co_await cold_->run(loop_, std::move(job));
  (void)done;  // sendfile will say what is wrong
}

}  // namespace ostler::smtp
