#include "libmailcore/store/local/chunk.h"

#include <algorithm>
#include <vector>

#include "libmailcore/store/octets.h"

namespace ostler::store::local {
namespace {

constexpr std::uint8_t kOwnThread = 0xFF;  // the thread's id is the email's

template <class Number, class Get>
void gather(std::string& out, std::size_t count, std::uint64_t base, Get get) {
  const std::size_t start = out.size();
  out.resize(start + count * sizeof(Number));
  for (std::size_t at = 0; at < count; ++at) {
    const auto value = static_cast<Number>(get(at) - base);
    std::memcpy(out.data() + start + at * sizeof value, &value, sizeof value);
  }
}

// A column of numbers: 8 octets base, 1 octet width, then count numbers above base of that width (0: all equal base).
template <class Get>
void putColumn(std::string& out, std::size_t count, Get get) {
  std::uint64_t least = get(0);
  std::uint64_t most = least;
  for (std::size_t at = 1; at < count; ++at) {
    least = std::min(least, get(at));
    most = std::max(most, get(at));
  }
  const std::uint64_t spread = most - least;
  const unsigned width = spread == 0 ? 0 : spread <= 0xFF ? 1 : spread <= 0xFFFF ? 2 : spread <= 0xFFFFFFFF ? 4 : 8;
  putFixed(out, least);
  out += static_cast<char>(width);
  switch (width) {
    case 1: return gather<std::uint8_t>(out, count, least, get);
    case 2: return gather<std::uint16_t>(out, count, least, get);
    case 4: return gather<std::uint32_t>(out, count, least, get);
    case 8: return gather<std::uint64_t>(out, count, least, get);
    default: return;
  }
}

template <class Number, class Set>
void spread(std::string_view octets, std::size_t count, std::uint64_t base, Set set) {
  for (std::size_t at = 0; at < count; ++at) {
    Number value;
    std::memcpy(&value, octets.data() + at * sizeof value, sizeof value);
    set(at, base + value);
  }
}

template <class Set>
void takeColumn(OctetReader& in, std::size_t count, Set set) {
  const auto base = in.fixed<std::uint64_t>();
  const auto width = in.fixed<std::uint8_t>();
  if (width > 8) return in.spoil();
  const std::string_view octets = in.bytes(width * count);
  if (!in.ok()) return;
  switch (width) {
    case 0:
      for (std::size_t at = 0; at < count; ++at) set(at, base);
      return;
    case 1: return spread<std::uint8_t>(octets, count, base, set);
    case 2: return spread<std::uint16_t>(octets, count, base, set);
    case 4: return spread<std::uint32_t>(octets, count, base, set);
    case 8: return spread<std::uint64_t>(octets, count, base, set);
    default: in.spoil();
  }
}

/// The different ids of a chunk, each with its place in a list. At most 120, so a table of octets holds the places.
class IdList {
 public:
  std::uint8_t placeOf(const EmailId& id) {
    std::size_t slot = std::hash<EmailId>()(id) % slots_.size();
    for (; slots_[slot] != kFree; slot = (slot + 1) % slots_.size()) {
      if (ids_[slots_[slot]] == id) return slots_[slot];
    }
    slots_[slot] = static_cast<std::uint8_t>(ids_.size());
    ids_.push_back(id);
    return slots_[slot];
  }
  [[nodiscard]] const std::vector<EmailId>& ids() const { return ids_; }

 private:
  static constexpr std::uint8_t kFree = 0xFF;
  static constexpr std::array<std::uint8_t, 256> allFree() {
    std::array<std::uint8_t, 256> slots{};
    slots.fill(kFree);
    return slots;
  }
  std::array<std::uint8_t, 256> slots_ = allFree();
  std::vector<EmailId> ids_;
};

}  // namespace

std::string encodeState(const StateChunk& chunk, std::uint32_t firstUid) {
  std::string out;
  out.reserve(40 + chunk.count * 5);
  putFixed(out, *std::max_element(chunk.modSeqs.begin(), chunk.modSeqs.begin() + chunk.count));
  out += static_cast<char>(chunk.count);
  gather<std::uint16_t>(out, chunk.count, firstUid, [&](std::size_t at) { return chunk.uids[at]; });
  putColumn(out, chunk.count, [&](std::size_t at) { return chunk.flags[at]; });
  putColumn(out, chunk.count, [&](std::size_t at) { return chunk.modSeqs[at]; });
  return out;
}

bool decodeState(std::string_view octets, std::uint32_t firstUid, StateChunk& into) {
  OctetReader in(octets);
  (void)in.fixed<ModSeq>();
  into.count = in.fixed<std::uint8_t>();
  if (into.count == 0 || into.count > kChunkMessages) return false;
  const std::string_view uids = in.bytes(into.count * 2);
  if (!in.ok()) return false;
  spread<std::uint16_t>(uids, into.count, firstUid, [&](std::size_t at, std::uint64_t value) {
    into.uids[at] = static_cast<std::uint32_t>(value);
  });
  takeColumn(in, into.count, [&](std::size_t at, std::uint64_t value) { into.flags[at] = value; });
  takeColumn(in, into.count, [&](std::size_t at, std::uint64_t value) { into.modSeqs[at] = value; });
  return in.done();
}

std::string encodeDetail(const DetailChunk& chunk) {
  std::string out;
  out.reserve(80 + chunk.count * 28);
  const auto& rows = chunk.rows;
  out += static_cast<char>(chunk.count);
  putColumn(out, chunk.count, [&](std::size_t at) { return static_cast<std::uint64_t>(rows[at].internalDate); });
  putColumn(out, chunk.count, [&](std::size_t at) { return static_cast<std::uint64_t>(rows[at].saveDate); });
  putColumn(out, chunk.count, [&](std::size_t at) { return rows[at].size; });
  IdList threads;
  std::vector<std::uint8_t> places(chunk.count, kOwnThread);
  for (std::size_t at = 0; at < chunk.count; ++at) {
    putId(out, rows[at].emailId);
    if (rows[at].threadId != rows[at].emailId) places[at] = threads.placeOf(rows[at].threadId);
  }
  putColumn(out, chunk.count, [&](std::size_t at) { return std::uint64_t{places[at]}; });
  out += static_cast<char>(threads.ids().size());
  for (const EmailId& thread : threads.ids()) putId(out, thread);
  putColumn(out, chunk.count, [&](std::size_t at) { return std::uint64_t{rows[at].traits}; });
  return out;
}

bool decodeDetail(std::string_view octets, DetailChunk& into) {
  OctetReader in(octets);
  into.count = in.fixed<std::uint8_t>();
  if (into.count == 0 || into.count > kChunkMessages) return false;
  auto& rows = into.rows;
  takeColumn(in, into.count, [&](std::size_t at, std::uint64_t v) { rows[at].internalDate = static_cast<std::int64_t>(v); });
  takeColumn(in, into.count, [&](std::size_t at, std::uint64_t v) { rows[at].saveDate = static_cast<std::int64_t>(v); });
  takeColumn(in, into.count, [&](std::size_t at, std::uint64_t v) { rows[at].size = v; });
  for (std::size_t at = 0; at < into.count; ++at) rows[at].emailId = in.id();
  std::array<std::uint64_t, kChunkMessages> places{};
  takeColumn(in, into.count, [&](std::size_t at, std::uint64_t v) { places[at] = v; });
  std::vector<EmailId> threads(in.fixed<std::uint8_t>());
  for (EmailId& thread : threads) thread = in.id();
  takeColumn(in, into.count, [&](std::size_t at, std::uint64_t v) { rows[at].traits = static_cast<std::uint8_t>(v); });
  for (std::size_t at = 0; in.ok() && at < into.count; ++at) {
    if (places[at] != kOwnThread && places[at] >= threads.size()) return false;
    rows[at].threadId = places[at] == kOwnThread ? rows[at].emailId : threads[places[at]];
  }
  return in.done();
}

ModSeq highestModSeqOf(std::string_view stateOctets) { return OctetReader(stateOctets).fixed<ModSeq>(); }

std::uint8_t packTraits(const ContentTraits& traits) {
  return static_cast<std::uint8_t>((traits.needsDotStuffing ? 1 : 0) | (traits.binary ? 2 : 0) | (traits.utf8Header ? 4 : 0) |
                                   (traits.bareLineEnds ? 8 : 0));
}

ContentTraits unpackTraits(std::uint8_t bits) {
  return {.needsDotStuffing = (bits & 1) != 0, .binary = (bits & 2) != 0, .utf8Header = (bits & 4) != 0, .bareLineEnds = (bits & 8) != 0};
}

}  // namespace ostler::store::local
