// frame.h - the envelope of every ipc message: a header of 16 octets, and the taking apart of a stream of frames.
// Is not: sockets (link.h) or what the bodies mean (message.h, wire.h). Pure.
//
//   version (1) | flags (1) | type (2) | request id (4) | body length (4) | descriptor count (1) | zero (3) | body
//
// Little-endian. Everything is checked before the body is allocated.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "libmailcore/base/result.h"

namespace ostler::ipc {

inline constexpr std::size_t kHeaderSize = 16;
inline constexpr std::uint8_t kMaxDescriptors = 4;  ///< a frame
inline constexpr std::uint8_t kReplyFlag = 1;       ///< the only flag: this frame answers the request of that id

struct FrameHeader {
  std::uint8_t flags = 0;
  std::uint16_t type = 0;
  std::uint32_t requestId = 0;  ///< chosen by who asks; a notice has 0
  std::uint32_t length = 0;     ///< octets of the body
  std::uint8_t descriptors = 0;
  [[nodiscard]] bool isReply() const { return (flags & kReplyFlag) != 0; }
  bool operator==(const FrameHeader&) const = default;
};

[[nodiscard]] std::array<char, kHeaderSize> encodeHeader(const FrameHeader& header);
/// Errors: syntax (wrong version, unknown flag, type 0, too many descriptors, octets that must be zero), limit (too long).
/// REQUIRES: `octets` has kHeaderSize of them.
[[nodiscard]] Result<FrameHeader> decodeHeader(std::string_view octets);

/// The octets of one connection on their way in: room to receive into, and the frames that are complete.
class FrameBuffer {
 public:
  struct Piece {
    FrameHeader header;
    std::string_view body;  ///< valid until room() or the destructor
  };
  /// Where the next octets may be received to: at least what the frame at hand still needs, and at least a good read's worth.
  [[nodiscard]] std::pair<char*, std::size_t> room();
  /// So many octets were received into room().
  void received(std::size_t count) { end_ += count; }
  /// The next complete frame, nothing when more octets are needed. Errors: as decodeHeader; the stream is lost then.
  [[nodiscard]] Result<std::optional<Piece>> next();
  [[nodiscard]] std::size_t buffered() const { return end_ - begin_; }

 private:
  std::string octets_;  // [begin_, end_) is received and not yet taken
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace ostler::ipc
