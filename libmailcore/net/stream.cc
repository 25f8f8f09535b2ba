#include "libmailcore/net/stream.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace ostler::net {
namespace {

// What is left of the parts after `written` octets of them went.
std::vector<std::string_view> remaining(std::span<const std::string_view> parts, std::size_t written) {
  std::vector<std::string_view> rest;
  for (const std::string_view part : parts) {
    const std::size_t gone = std::min(written, part.size());
    written -= gone;
    if (gone < part.size()) rest.push_back(part.substr(gone));
  }
  return rest;
}

Result<std::string> readChunk(int fd, std::uint64_t offset, std::uint64_t length) {
  std::string chunk(std::min<std::uint64_t>(length, 64 * 1024), '\0');
  const ssize_t got = ::pread(fd, chunk.data(), chunk.size(), static_cast<off_t>(offset));
  if (got <= 0) return fail(Error::Kind::permanent, "file is shorter than announced, or cannot be read");
  chunk.resize(static_cast<std::size_t>(got));
  return chunk;
}

}  // namespace

Task<Result<std::size_t>> Stream::readSome(std::span<char> into, Deadline deadline) {
  for (;;) {
    const Result<std::optional<std::size_t>> got = tryRead(into);
    if (!got) co_return fail(got.error());
    if (*got) co_return **got;
    const Result<void> woken = co_await waitReadable(deadline);
    if (!woken) co_return fail(woken.error());
  }
}

Task<Result<void>> Stream::write(std::span<const std::string_view> parts, Deadline deadline) {
  std::vector<std::string_view> rest = remaining(parts, 0);
  while (!rest.empty()) {
    const Result<std::size_t> written = tryWrite(rest);
    if (!written) co_return fail(written.error());
    if (*written == 0) {
      const Result<void> woken = co_await waitWritable(deadline);
      if (!woken) co_return woken;
    } else {
      rest = remaining(rest, *written);
    }
  }
  co_return Result<void>();
}

Task<Result<void>> Stream::writeFile(int fd, std::uint64_t offset, std::uint64_t length, Deadline deadline) {
  while (length > 0) {
    const Result<std::string> chunk = readChunk(fd, offset, length);
    if (!chunk) co_return fail(chunk.error());
    const std::array<std::string_view, 1> parts{*chunk};
    const Result<void> written = co_await write(parts, deadline);
    if (!written) co_return written;
    offset += chunk->size();
    length -= chunk->size();
  }
  co_return Result<void>();
}

}  // namespace ostler::net
