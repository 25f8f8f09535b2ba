// content_reader.h - reads a message's octets from a file without making an event loop wait for the disk.
// What is in the page cache is read at once; what is not, by a thread of a pool.
#pragma once

#include <cstdint>
#include <string>

#include "libmailcore/async/loop.h"
#include "libmailcore/async/pool.h"

namespace ostler::smtp {

/// `fd` stays the caller's. `cold`: reads what the page cache does not have; null: such reads make the loop wait.
class ContentReader {
 public:
  ContentReader(Loop& loop, int fd, Pool* cold) : loop_(loop), fd_(fd), cold_(cold) {}

  /// At least one octet from `offset` on, at most `most`. Errors: permanent (the file ends before it, or cannot be read).
  [[nodiscard]] Task<Result<std::string>> read(std::uint64_t offset, std::uint64_t most);
  /// Has the range in the page cache when it returns, so that sendfile(2) need not wait.
  [[nodiscard]] Task<void> warm(std::uint64_t offset, std::uint64_t length);

 private:
  Loop& loop_;
  int fd_;
  Pool* cold_;
};

}  // namespace ostler::smtp
