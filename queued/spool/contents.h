// contents.h - where the octets of a queued message are, and how they are read back.
#pragma once

#include <functional>
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

/// A content that another process is to deliver, and that is as it was accepted.
struct SoundContent {
  ContentRange range;
  std::string octets;  ///< all of it, when it was read for this and is small; else empty
};
/// Not larger than this it goes along with a request: less work than handing over a descriptor.
inline constexpr std::size_t kWithRequest = 64 * 1024;

/// For delivery by another process, which cannot tell what is damaged: it is checked here first, on the pool. The segment stays as long
/// as the descriptor is open. Errors: notFound (gone meanwhile), permanent (damaged), temporary.
[[nodiscard]] Task<Result<SoundContent>> soundContent(Environment& env, Id128 id);
/// Reads a message's content back: blocks, on any thread. Holds it from the moment it was made: a message that is moved before is read
/// where it was, though its segment be retired.
using ReadBack = std::function<Result<std::string>()>;
/// Of the first `most` octets of a large content, and all of another. `large` outlives it. Errors: permanent, notFound.
[[nodiscard]] Result<ReadBack> holdContent(const journal::Journal& journal, const LargeFiles& large, const Message& message, std::uint64_t most);
/// The first `most` octets. From memory when the message is fresh, else read on the pool. Errors: notFound (gone meanwhile),
/// permanent (damaged), temporary.
[[nodiscard]] Task<Result<std::shared_ptr<const std::string>>> readContent(Environment& env, Id128 id, std::uint64_t most);

}  // namespace ostler::spool
