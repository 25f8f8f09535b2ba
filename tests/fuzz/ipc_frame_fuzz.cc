// Frames: however a stream is cut, the same frames come out; and what a frame's body decodes to encodes to the same
// octets.
#include <algorithm>
#include <cassert>
#include <cstring>
#include <vector>

#include "libmailcore/ipc/control.h"
#include "libmailcore/ipc/draft.h"
#include "libmailcore/ipc/frame.h"
#include "libmailcore/ipc/login.h"
#include "libmailcore/ipc/sending.h"
#include "libmailcore/ipc/wire.h"

using namespace ostler::ipc;

namespace {

std::vector<std::string> framesOf(std::string_view stream, std::size_t step) {
  FrameBuffer buffer;
  std::vector<std::string> bodies;
  while (!stream.empty()) {
    const auto [at, size] = buffer.room();
    const std::size_t now = std::min({size, step, stream.size()});
    std::memcpy(at, stream.data(), now);
    buffer.received(now);
    stream.remove_prefix(now);
    for (auto piece = buffer.next(); piece && *piece; piece = buffer.next()) bodies.emplace_back((*piece)->body);
  }
  return bodies;
}

template <class M>
void roundTrip(std::string_view body) {
  const auto message = decode<M>(body);
  if (!message) return;
  const std::string once = encode(*message);
  assert(encode(decode<M>(once).value()) == once);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  assert(framesOf(input.substr(1), 1 + data[0]) == framesOf(input.substr(1), input.size()));
  roundTrip<OpenDraft>(input);
  roundTrip<CommitReply>(input);
  roundTrip<LoginStart>(input);
  roundTrip<Deliver>(input);
  roundTrip<ControlReply>(input);
  return 0;
}
