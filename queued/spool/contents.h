// contents.h - where the octets of a queued message are, and how they are read back.
#pragma once

#include <memory>
#include <string>

#include "queued/spool/environment.h"

namespace ostler::spool {

/// [offset, offset + length) of a read-only descriptor.
struct ContentRange {
  UniqueFd fd;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

/// For delivery by another process. The segment stays as long as the descriptor is open. Errors: permanent, notFound.
[[nodiscard]] Result<ContentRange> contentRange(const Environment& env, const Message& message);
/// The first `most` octets. From memory when the message is fresh, else read on the pool. Errors: notFound (gone meanwhile),
/// permanent (damaged), temporary.
[[nodiscard]] Task<Result<std::shared_ptr<const std::string>>> readContent(Environment& env, Id128 id, std::uint64_t most);

}  // namespace ostler::spool
