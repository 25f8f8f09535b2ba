// disk.h - the system calls that make a segment durable, behind one face so that tests can fail each of them.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <span>
#include <string>

#include "libmailcore/base/result.h"
#include "libmailcore/base/unique_fd.h"

namespace ostler::journal {

/// Each call either did all it was asked, or gives an error: limit (disk or quota full), notFound, temporary (anything else),
/// with the call and errno's words. Any thread.
class Disk {
 public:
  virtual ~Disk() = default;
  [[nodiscard]] static const Disk& real();

  [[nodiscard]] virtual Result<UniqueFd> open(int folder, const std::string& name, int flags) const;
  /// Writes all of `parts`, which it uses up.
  [[nodiscard]] virtual Result<void> write(int fd, std::span<iovec> parts, std::uint64_t offset) const;
  [[nodiscard]] virtual Result<void> allocate(int fd, std::uint64_t size) const;
  [[nodiscard]] virtual Result<void> syncData(int fd) const;    ///< fdatasync
  [[nodiscard]] virtual Result<void> syncFolder(int fd) const;  ///< fsync
  [[nodiscard]] virtual Result<void> rename(int folder, const std::string& from, const std::string& to) const;
  [[nodiscard]] virtual Result<void> unlink(int folder, const std::string& name) const;
};

/// Reads up to into.size() octets at `offset`; fewer at the end of the file. Errors: temporary.
[[nodiscard]] Result<std::size_t> readAt(int fd, std::span<char> into, std::uint64_t offset);

}  // namespace ostler::journal
