// recorder.cc - an LD_PRELOAD library that records everything which changes files below a folder: writes, truncations, names,
// syncs. recording.py makes from a recording the disk that a power cut at any moment would have left.
//
// OSTLER_RECORD names the recording, OSTLER_RECORD_ROOT the folder. Every record is one write(2) in append mode, so all processes share one
// order. A write is recorded before it happens (a cut after that may have kept it), a name while nobody else changes names (who sees
// a name and changes it must not be recorded before who made it), a sync at its begin (which writes it
// covers, and by which name its file was opened) and at its end (from when on it holds).
//
// Not recorded: stores through shared memory maps. LMDB is used without WRITEMAP, so of its files only the lock file is written so,
// which is made anew by whoever opens it first.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace {

enum class Op : std::uint32_t { write = 1, truncate, allocate, syncBegin, syncEnd, create, makeFolder, rename, link, unlink, removeFolder };

struct __attribute__((packed)) Header {
  std::uint32_t magic = 0x4C54534F;
  Op op = Op::write;
  std::uint64_t inode = 0;   // the file; for names: the folder
  std::uint64_t inode2 = 0;  // for names: the file, or the folder renamed or linked to
  std::uint64_t offset = 0;  // for syncs: a number that begin and end share
  std::uint32_t length = 0;  // of what follows: octets written, a name, for syncs the path below the root
  std::uint32_t length2 = 0;
};

template <class F>
F real(const char* name) {
  return reinterpret_cast<F>(dlsym(RTLD_NEXT, name));
}
#define REAL(name) static const auto call = real<decltype(&::name)>(#name)

struct Recording {
  int fd = -1;
  std::string root;
  Recording() {
    const char* const file = std::getenv("OSTLER_RECORD");
    const char* const folder = std::getenv("OSTLER_RECORD_ROOT");
    if (file == nullptr || folder == nullptr) return;
    root = folder;
    const int opened = real<int (*)(const char*, int, ...)>("open")(file, O_WRONLY | O_APPEND | O_CREAT, 0600);
    constexpr int kOutOfTheWay = 900;
    fd = ::fcntl(opened, F_DUPFD, kOutOfTheWay);
    real<int (*)(int)>("close")(opened);
  }
};

Recording& recording() {
  static Recording one;
  return one;
}

void put(const Header& header, std::initializer_list<std::string_view> parts, const iovec* data = nullptr, int count = 0) {
  const int saved = errno;
  std::vector<iovec> all{{const_cast<Header*>(&header), sizeof header}};
  for (const std::string_view part : parts) all.push_back({const_cast<char*>(part.data()), part.size()});
  for (int at = 0; at < count; ++at) all.push_back(data[at]);
  static const auto call = real<ssize_t (*)(int, const iovec*, int)>("writev");
  (void)!call(recording().fd, all.data(), static_cast<int>(all.size()));
  errno = saved;
}

// By which name a descriptor was opened.
std::string pathOf(int fd) {
  char path[4096];
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = ::readlink(link.c_str(), path, sizeof path);
  return {path, static_cast<std::size_t>(length > 0 ? length : 0)};
}

// The file behind a descriptor, if it is a regular file or a folder below the root.
bool recorded(int fd, struct stat& status) {
  if (recording().fd < 0 || ::fstat(fd, &status) != 0 || !(S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))) return false;
  return pathOf(fd).starts_with(recording().root);
}

// Between processes and threads one changes names at a time, and records it, while this lives.
class OneByOne {
 public:
  OneByOne() : threads_(mutex()) { setLock(F_WRLCK); }
  ~OneByOne() { setLock(F_UNLCK); }
  OneByOne(const OneByOne&) = delete;
  OneByOne& operator=(const OneByOne&) = delete;

 private:
  static std::mutex& mutex() {
    static std::mutex one;
    return one;
  }
  static void setLock(short type) {
    const int saved = errno;
    struct flock whole {};
    whole.l_type = type;
    if (recording().fd >= 0) (void)::fcntl(recording().fd, F_OFD_SETLKW, &whole);
    errno = saved;
  }
  const std::scoped_lock<std::mutex> threads_;
};

struct Name {
  bool ours = false;
  std::uint64_t folder = 0;
  std::string last;
};

Name nameOf(int folder, const char* path) {
  const std::string_view text(path);
  const auto slash = text.rfind('/');
  const std::string parent = slash == std::string_view::npos ? "." : slash == 0 ? "/" : std::string(text.substr(0, slash));
  Name name;
  name.last = slash == std::string_view::npos ? text : text.substr(slash + 1);
  if (recording().fd < 0) return name;
  static const auto openat = real<int (*)(int, const char*, int, ...)>("openat");
  const int fd = openat(folder, parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return name;
  struct stat status {};
  name.ours = recorded(fd, status);
  name.folder = status.st_ino;
  ::close(fd);
  return name;
}

std::uint64_t inodeAt(int folder, const char* path, int flags = AT_SYMLINK_NOFOLLOW) {
  struct stat status {};
  return ::fstatat(folder, path, &status, flags) == 0 ? status.st_ino : 0;
}

void putName(Op op, const Name& name, std::uint64_t inode) {
  Header header;
  header.op = op;
  header.inode = name.folder;
  header.inode2 = inode;
  header.length = static_cast<std::uint32_t>(name.last.size());
  put(header, {name.last});
}

void putTwoNames(Op op, const Name& from, const Name& to, std::uint64_t inode) {
  Header header;
  header.op = op;
  header.inode = from.folder;
  header.inode2 = to.folder;
  header.offset = inode;
  header.length = static_cast<std::uint32_t>(from.last.size());
  header.length2 = static_cast<std::uint32_t>(to.last.size());
  put(header, {from.last, to.last});
}

std::uint64_t putSyncBegin(std::uint64_t inode, int fd) {
  static std::atomic<std::uint64_t> next = static_cast<std::uint64_t>(::getpid()) << 32;
  const std::string path = pathOf(fd).substr(recording().root.size());
  Header header;
  header.op = Op::syncBegin;
  header.inode = inode;
  header.offset = ++next;
  header.length = static_cast<std::uint32_t>(path.size());
  put(header, {path});
  return header.offset;
}

void putSyncEnd(std::uint64_t inode, std::uint64_t number) {
  Header header;
  header.op = Op::syncEnd;
  header.inode = inode;
  header.offset = number;
  put(header, {});
}

// Records the write, does it, and for a descriptor that syncs each write records that too.
template <class F>
ssize_t recordedWrite(int fd, const iovec* data, int count, off_t offset, F doIt) {
  struct stat status {};
  if (!recorded(fd, status)) return doIt();
  Header header;
  header.inode = status.st_ino;
  const int flags = ::fcntl(fd, F_GETFL);
  if (offset < 0) offset = (flags & O_APPEND) != 0 ? status.st_size : ::lseek(fd, 0, SEEK_CUR);
  header.offset = static_cast<std::uint64_t>(offset);
  for (int at = 0; at < count; ++at) header.length += static_cast<std::uint32_t>(data[at].iov_len);
  put(header, {}, data, count);
  const bool synchronous = (flags & O_DSYNC) != 0;
  const std::uint64_t number = synchronous ? putSyncBegin(status.st_ino, fd) : 0;
  const ssize_t written = doIt();
  if (synchronous && written >= 0) putSyncEnd(status.st_ino, number);
  return written;
}

template <class F>
int recordedSync(int fd, F doIt) {
  struct stat status {};
  if (!recorded(fd, status)) return doIt();
  const std::uint64_t number = putSyncBegin(status.st_ino, fd);
  const int done = doIt();
  if (done == 0) putSyncEnd(status.st_ino, number);
  return done;
}

template <class F>
int recordedSize(Op op, int fd, off_t size, F doIt) {
  struct stat status {};
  if (recorded(fd, status)) {
    Header header;
    header.op = op;
    header.inode = status.st_ino;
    header.offset = static_cast<std::uint64_t>(size);
    put(header, {});
  }
  return doIt();
}

template <class F>
int recordedOpen(int folder, const char* path, int flags, F doIt) {
  constexpr int kChanging = O_CREAT | O_TRUNC;
  if ((flags & kChanging) == 0 || (flags & O_TMPFILE) == O_TMPFILE) return doIt();
  const OneByOne alone;
  const Name name = nameOf(folder, path);
  const bool existed = name.ours && inodeAt(folder, path) != 0;
  const int fd = doIt();
  struct stat status {};
  if (fd < 0 || !name.ours || ::fstat(fd, &status) != 0) return fd;
  if (!existed) {
    putName(Op::create, name, status.st_ino);
  } else if ((flags & O_TRUNC) != 0) {
    Header header;
    header.op = Op::truncate;
    header.inode = status.st_ino;
    put(header, {});
  }
  return fd;
}

template <class F>
int recordedRename(int fromFolder, const char* from, int toFolder, const char* to, F doIt) {
  const OneByOne alone;
  const Name source = nameOf(fromFolder, from);
  const Name target = nameOf(toFolder, to);
  const std::uint64_t inode = inodeAt(fromFolder, from);
  const int done = doIt();
  if (done == 0 && source.ours && target.ours) {
    putTwoNames(Op::rename, source, target, inode);
  } else if (done == 0 && target.ours) {
    putName(Op::create, target, inode);
  }
  return done;
}

// What is linked may be named by a descriptor (/proc/self/fd/N, followed): then it is the file that counts, not the name.
template <class F>
int recordedLink(int fromFolder, const char* from, int toFolder, const char* to, int flags, F doIt) {
  const OneByOne alone;
  const Name source = nameOf(fromFolder, from);
  const Name target = nameOf(toFolder, to);
  const std::uint64_t inode = inodeAt(fromFolder, from, (flags & AT_SYMLINK_FOLLOW) != 0 ? 0 : AT_SYMLINK_NOFOLLOW);
  const int done = doIt();
  if (done == 0 && target.ours) putTwoNames(Op::link, source, target, inode);
  return done;
}

template <class F>
int recordedName(Op op, int folder, const char* path, F doIt) {
  const OneByOne alone;
  const Name name = nameOf(folder, path);
  const int done = doIt();
  if (done == 0 && name.ours) putName(op, name, op == Op::makeFolder ? inodeAt(folder, path) : 0);
  return done;
}

mode_t modeOf(int flags, va_list list) { return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(list, mode_t) : 0; }

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  REAL(open);
  va_list list;
  va_start(list, flags);
  const mode_t mode = modeOf(flags, list);
  va_end(list);
  return recordedOpen(AT_FDCWD, path, flags, [&] { return call(path, flags, mode); });
}
int open64(const char* path, int flags, ...) __attribute__((alias("open")));
int openat(int folder, const char* path, int flags, ...) {
  REAL(openat);
  va_list list;
  va_start(list, flags);
  const mode_t mode = modeOf(flags, list);
  va_end(list);
  return recordedOpen(folder, path, flags, [&] { return call(folder, path, flags, mode); });
}
int openat64(int folder, const char* path, int flags, ...) __attribute__((alias("openat")));

ssize_t write(int fd, const void* data, size_t length) {
  REAL(write);
  const iovec part{const_cast<void*>(data), length};
  return recordedWrite(fd, &part, 1, -1, [&] { return call(fd, data, length); });
}
ssize_t pwrite(int fd, const void* data, size_t length, off_t offset) {
  REAL(pwrite);
  const iovec part{const_cast<void*>(data), length};
  return recordedWrite(fd, &part, 1, offset, [&] { return call(fd, data, length, offset); });
}
ssize_t pwrite64(int fd, const void* data, size_t length, off_t offset) __attribute__((alias("pwrite")));
ssize_t writev(int fd, const iovec* parts, int count) {
  REAL(writev);
  return recordedWrite(fd, parts, count, -1, [&] { return call(fd, parts, count); });
}
ssize_t pwritev(int fd, const iovec* parts, int count, off_t offset) {
  REAL(pwritev);
  return recordedWrite(fd, parts, count, offset, [&] { return call(fd, parts, count, offset); });
}
ssize_t pwritev64(int fd, const iovec* parts, int count, off_t offset) __attribute__((alias("pwritev")));

int fsync(int fd) {
  REAL(fsync);
  return recordedSync(fd, [&] { return call(fd); });
}
int fdatasync(int fd) {
  REAL(fdatasync);
  return recordedSync(fd, [&] { return call(fd); });
}

int ftruncate(int fd, off_t size) noexcept {
  REAL(ftruncate);
  return recordedSize(Op::truncate, fd, size, [&] { return call(fd, size); });
}
int ftruncate64(int fd, off_t size) noexcept __attribute__((alias("ftruncate")));
int posix_fallocate(int fd, off_t offset, off_t length) {
  REAL(posix_fallocate);
  return recordedSize(Op::allocate, fd, offset + length, [&] { return call(fd, offset, length); });
}
int posix_fallocate64(int fd, off_t offset, off_t length) __attribute__((alias("posix_fallocate")));
int fallocate(int fd, int mode, off_t offset, off_t length) {
  REAL(fallocate);
  return recordedSize(Op::allocate, fd, offset + length, [&] { return call(fd, mode, offset, length); });
}
int fallocate64(int fd, int mode, off_t offset, off_t length) __attribute__((alias("fallocate")));

int rename(const char* from, const char* to) noexcept {
  REAL(rename);
  return recordedRename(AT_FDCWD, from, AT_FDCWD, to, [&] { return call(from, to); });
}
int renameat(int fromFolder, const char* from, int toFolder, const char* to) noexcept {
  REAL(renameat);
  return recordedRename(fromFolder, from, toFolder, to, [&] { return call(fromFolder, from, toFolder, to); });
}
int renameat2(int fromFolder, const char* from, int toFolder, const char* to, unsigned flags) noexcept {
  REAL(renameat2);
  return recordedRename(fromFolder, from, toFolder, to, [&] { return call(fromFolder, from, toFolder, to, flags); });
}
int link(const char* from, const char* to) noexcept {
  REAL(link);
  return recordedLink(AT_FDCWD, from, AT_FDCWD, to, 0, [&] { return call(from, to); });
}
int linkat(int fromFolder, const char* from, int toFolder, const char* to, int flags) noexcept {
  REAL(linkat);
  return recordedLink(fromFolder, from, toFolder, to, flags, [&] { return call(fromFolder, from, toFolder, to, flags); });
}
int unlink(const char* path) noexcept {
  REAL(unlink);
  return recordedName(Op::unlink, AT_FDCWD, path, [&] { return call(path); });
}
int unlinkat(int folder, const char* path, int flags) noexcept {
  REAL(unlinkat);
  return recordedName((flags & AT_REMOVEDIR) != 0 ? Op::removeFolder : Op::unlink, folder, path,
                      [&] { return call(folder, path, flags); });
}
int mkdir(const char* path, mode_t mode) noexcept {
  REAL(mkdir);
  return recordedName(Op::makeFolder, AT_FDCWD, path, [&] { return call(path, mode); });
}
int mkdirat(int folder, const char* path, mode_t mode) noexcept {
  REAL(mkdirat);
  return recordedName(Op::makeFolder, folder, path, [&] { return call(folder, path, mode); });
}
int rmdir(const char* path) noexcept {
  REAL(rmdir);
  return recordedName(Op::removeFolder, AT_FDCWD, path, [&] { return call(path); });
}

}  // extern "C"
