#include "queued/deliver/folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "libmailcore/base/unique_fd.h"
#include "queued/spool/large_files.h"

namespace ostler::deliver {

namespace {

tl::unexpected<Error> failErrno(const std::string& what) {
  const bool full = errno == ENOSPC || errno == EDQUOT;
  const bool absent = errno == ENOENT || errno == ENOTDIR;
  return fail(full     ? Error::Kind::limit
              : absent ? Error::Kind::permanent
                       : Error::Kind::temporary,
              fmt::format("{}: {}", what, std::strerror(errno)));
}

}  // namespace

Result<void> writeInto(const std::string& folder, const std::string& name, const std::vector<std::string_view>& octets) {
  const UniqueFd place(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!place) return failErrno(folder);
  const std::string aside = "." + name + ".new";
  const UniqueFd file(::openat(place.get(), aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640));
  if (!file) return failErrno(folder + "/" + aside);
  for (const std::string_view piece : octets) {
    const Result<void> written = spool::writeAll(file.get(), piece);
    if (!written) {
      ::unlinkat(place.get(), aside.c_str(), 0);
      return written;
    }
  }
  const bool there = ::fdatasync(file.get()) == 0 && ::renameat(place.get(), aside.c_str(), place.get(), name.c_str()) == 0 &&
                     ::fsync(place.get()) == 0;
  if (!there) return failErrno(folder + "/" + name);
  return {};
}

Result<void> makeFolder(const std::string& path) {
  if (::mkdir(path.c_str(), 0750) != 0 && errno != EEXIST) return failErrno(path);
  // Also when it was there: who made it may have died before its name was durable, and what lies in it would go with it.
  const UniqueFd parent(::open((path + "/..").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent || ::fsync(parent.get()) != 0) return failErrno(path);
  return {};
}

Result<void> appendToMbox(const std::string& path, std::string_view reversePath, std::string_view content,
                          std::int64_t unixSeconds) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return failErrno(path);
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) return fail(Error::Kind::temporary, path + " is locked");
  const off_t before = ::lseek(file.get(), 0, SEEK_END);
  std::tm day{};
  const std::time_t when = unixSeconds;
  ::gmtime_r(&when, &day);
  char date[40];
  std::strftime(date, sizeof date, "%a %b %e %H:%M:%S %Y", &day);
  std::string entry = fmt::format("From {} {}\n", reversePath.empty() ? "MAILER-DAEMON" : reversePath, date);
  while (!content.empty()) {
    const std::size_t end = content.find('\n');
    std::string_view line = content.substr(0, end);
    content.remove_prefix(end == std::string_view::npos ? content.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::size_t quotes = line.find_first_not_of('>');
    if (quotes != std::string_view::npos && line.substr(quotes).starts_with("From ")) entry += '>';
    entry.append(line).append("\n");
  }
  entry += '\n';
  const Result<void> written = spool::writeAll(file.get(), entry);
  if (!written || ::fdatasync(file.get()) != 0) {
    auto error = written ? failErrno(path) : fail(written.error());
    // Half a message in front of the next one would be worse than none.
    if (before >= 0 && ::ftruncate(file.get(), before) != 0) return error;
    return error;
  }
  return {};
}

}  // namespace ostler::deliver
