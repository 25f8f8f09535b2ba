// chunk.h - about 120 messages of a mailbox as columns: two values of the index. Pure.
// The first (state) is what FETCH FLAGS, STORE and resync walk over and rewrite; the second (detail) never changes while a
// message lives. Both have the same key: the mailbox's number and the least UID the chunk may hold.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "libmailcore/store/local/log_records.h"

namespace ostler::store::local {

inline constexpr std::size_t kChunkMessages = 120;
inline constexpr std::uint32_t kChunkSpan = 65536;  ///< UIDs of a chunk are offsets of 16 bits

struct StateChunk {
  std::size_t count = 0;
  std::array<std::uint32_t, kChunkMessages> uids{};
  std::array<std::uint64_t, kChunkMessages> flags{};
  std::array<ModSeq, kChunkMessages> modSeqs{};
};

/// One message in a detail chunk.
struct Detail {
  std::int64_t internalDate = 0;
  std::int64_t saveDate = 0;
  std::uint64_t size = 0;
  EmailId emailId;
  EmailId threadId;
  std::uint8_t traits = 0;
};

struct DetailChunk {
  std::size_t count = 0;
  std::array<Detail, kChunkMessages> rows{};
};

/// REQUIRES: count > 0, UIDs ascending in [firstUid, firstUid + kChunkSpan).
[[nodiscard]] std::string encodeState(const StateChunk& chunk, std::uint32_t firstUid);
[[nodiscard]] std::string encodeDetail(const DetailChunk& chunk);
/// False: not a chunk.
[[nodiscard]] bool decodeState(std::string_view octets, std::uint32_t firstUid, StateChunk& into);
[[nodiscard]] bool decodeDetail(std::string_view octets, DetailChunk& into);
/// The highest MODSEQ alone, from the chunk's head; 0 when it is no chunk.
[[nodiscard]] ModSeq highestModSeqOf(std::string_view stateOctets);

/// Beside the traits: the message's UIDL was imported and stands in its mail row; else it is its email id.
inline constexpr std::uint8_t kHasImportedUidl = 16;
[[nodiscard]] std::uint8_t packTraits(const ContentTraits& traits);
[[nodiscard]] ContentTraits unpackTraits(std::uint8_t bits);

}  // namespace ostler::store::local
