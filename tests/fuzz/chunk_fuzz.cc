// A chunk that decodes has at most its messages, and comes back the same from what it encodes to.
#include <cstdint>
#include <cstdlib>

#include "libmailcore/store/local/chunk.h"

using namespace ostler::store::local;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  constexpr std::uint32_t kFirst = 1000;
  StateChunk state;
  if (decodeState(octets, kFirst, state)) {
    if (state.count == 0 || state.count > kChunkMessages) std::abort();
    StateChunk again;
    if (!decodeState(encodeState(state, kFirst), kFirst, again)) std::abort();
    if (again.count != state.count || again.flags != state.flags || again.uids != state.uids) std::abort();
  }
  DetailChunk detail;
  if (decodeDetail(octets, detail)) {
    DetailChunk again;
    if (!decodeDetail(encodeDetail(detail), again) || again.count != detail.count) std::abort();
    for (std::size_t at = 0; at < detail.count; ++at) {
      if (again.rows[at].emailId != detail.rows[at].emailId || again.rows[at].threadId != detail.rows[at].threadId ||
          again.rows[at].size != detail.rows[at].size) {
        std::abort();
      }
    }
  }
  return 0;
}
