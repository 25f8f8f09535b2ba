#include "queued/spool/large_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "libmailcore/base/crc32c.h"
#include "libmailcore/journal/record.h"

namespace ostler::spool {

namespace {

constexpr std::size_t kPiece = 256 * 1024;

tl::unexpected<Error> failErrno(const std::string& what) {
  const bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
  return fail(full ? Error::Kind::limit : Error::Kind::temporary, fmt::format("{}: {}", what, std::strerror(errno)));
}

}  // namespace

Result<void> writeAll(int fd, std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t written = ::write(fd, octets.data(), octets.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failErrno("write");
    octets.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<std::string> readRange(int fd, std::uint64_t offset, std::uint64_t length) {
  std::string octets(length, '\0');
  std::size_t have = 0;
  while (have < octets.size()) {
    const ssize_t got = ::pread(fd, octets.data() + have, octets.size() - have, static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failErrno("read");
    if (got == 0) return fail(Error::Kind::temporary, "read: the file is shorter than its record says");
    have += static_cast<std::size_t>(got);
  }
  return octets;
}

Result<std::uint32_t> crcOf(int fd, std::uint64_t length) {
  std::string piece(kPiece, '\0');
  std::uint32_t crc = 0;
  for (std::uint64_t at = 0; at < length;) {
    const ssize_t got = ::pread(fd, piece.data(), std::min<std::uint64_t>(piece.size(), length - at), static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failErrno("read");
    if (got == 0) return fail(Error::Kind::permanent, fmt::format("the file ends after {} octets of {}", at, length));
    crc = crc32c(std::string_view(piece).substr(0, static_cast<std::size_t>(got)), crc);
    at += static_cast<std::uint64_t>(got);
  }
  return crc;
}

Result<LargeFiles> LargeFiles::open(const std::string& queueDir) {
  const std::string path = queueDir + "/large";
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(Error::Kind::permanent, fmt::format("cannot make {}: {}", path, std::strerror(errno)));
  }
  UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return fail(Error::Kind::permanent, fmt::format("cannot open {}: {}", path, std::strerror(errno)));
  return LargeFiles(std::move(folder));
}

Result<UniqueFd> LargeFiles::create(const Id128& id) const {
  UniqueFd file(::openat(folder_.get(), ("." + id.text()).c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0660));  // a mailbox adopts it, and its group reads it there
  if (!file) return failErrno("large/." + id.text());
  return file;
}

Result<void> LargeFiles::finish(const Id128& id, int fd) const {
  const std::string name = id.text();
  const bool done = ::fdatasync(fd) == 0 && ::renameat(folder_.get(), ("." + name).c_str(), folder_.get(), name.c_str()) == 0 &&
                    ::fsync(folder_.get()) == 0;
  if (done) return {};
  auto error = failErrno("large/" + name);
  unlink(id);
  return error;
}

Result<void> LargeFiles::share(const Id128& id, int fd, const Id128& as) const {
  const bool done = ::fdatasync(fd) == 0 && ::linkat(folder_.get(), ("." + id.text()).c_str(), folder_.get(), as.text().c_str(), 0) == 0 &&
                    ::fsync(folder_.get()) == 0;
  if (done) return {};
  auto error = failErrno("large/" + as.text());
  unlink(as);
  return error;
}

Result<UniqueFd> LargeFiles::read(const Id128& id) const {
  UniqueFd file(::openat(folder_.get(), id.text().c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return failErrno("large/" + id.text());
  return file;
}

Result<void> LargeFiles::check(const Id128& id, std::uint64_t size, std::optional<std::uint32_t> crc) const {
  const Result<UniqueFd> file = read(id);
  if (!file) return fail(file.error());
  struct stat status {};
  if (::fstat(file->get(), &status) != 0) return failErrno("large/" + id.text());
  if (static_cast<std::uint64_t>(status.st_size) < size) {
    return fail(Error::Kind::permanent, fmt::format("large/{} has {} octets of {}", id.text(), status.st_size, size));
  }
  if (!crc) return {};
  const Result<std::uint32_t> now = crcOf(file->get(), size);
  if (!now) return fail(now.error());
  if (*now != *crc) return fail(Error::Kind::permanent, fmt::format("large/{} is damaged: it is not what was accepted", id.text()));
  return {};
}

void LargeFiles::unlink(const Id128& id) const {
  unlinkName(id.text());
  unlinkName("." + id.text());
}

void LargeFiles::unlinkName(const std::string& name) const { ::unlinkat(folder_.get(), name.c_str(), 0); }

std::shared_ptr<LargeFile> LargeFile::make(const LargeFiles& files, Pool& disk, const Id128& id) {
  const auto letGo = [&disk](LargeFile* last) { disk.post([owned = std::shared_ptr<LargeFile>(last)] {}); };
  return {new LargeFile(files, id), letGo};
}

LargeFile::~LargeFile() {
  if (fd_ && !isKept_) files_.unlink(id_);
}

Result<void> LargeFile::write(std::string_view octets) {
  if (!fd_) {
    Result<UniqueFd> made = files_.create(id_);
    if (!made) return fail(made.error());
    fd_ = std::move(*made);
  }
  crc_ = crc32c(octets, crc_);
  return writeAll(fd_.get(), octets);
}

Result<void> LargeFile::rewritten(std::uint64_t size) {
  const Result<std::uint32_t> crc = crcOf(fd_.get(), size);
  if (crc) crc_ = *crc;
  return crc ? Result<void>() : Result<void>(fail(crc.error()));
}

Result<UniqueFd> LargeFile::copyFd() const {
  UniqueFd copy(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy) return failErrno("large/" + id_.text());
  return copy;
}

Result<void> LargeFile::finish() const { return files_.finish(id_, fd_.get()); }
Result<void> LargeFile::shareAs(const Id128& as) const { return files_.share(id_, fd_.get(), as); }

std::vector<std::string> LargeFiles::names() const {
  std::vector<std::string> names;
  const int copy = ::openat(folder_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) return names;
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(::fdopendir(copy), &::closedir);
  while (const dirent* entry = ::readdir(listing.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  return names;
}

}  // namespace ostler::spool
