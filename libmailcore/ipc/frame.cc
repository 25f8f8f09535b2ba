#include "libmailcore/ipc/frame.h"

#include <algorithm>
#include <cstring>

#include "libmailcore/ipc/message.h"

namespace ostler::ipc {
namespace {

constexpr std::size_t kReadSize = 64 * 1024;
constexpr std::size_t kKeep = 256 * 1024;  // an empty buffer above this is given back

std::uint32_t number(std::string_view octets) {
  std::uint32_t value = 0;
  for (std::size_t at = octets.size(); at-- > 0;) value = value << 8 | static_cast<unsigned char>(octets[at]);
  return value;
}

}  // namespace

std::array<char, kHeaderSize> encodeHeader(const FrameHeader& header) {
  std::array<char, kHeaderSize> out{};
  const auto put = [&out](std::size_t at, std::size_t count, std::uint32_t value) {
    for (std::size_t n = 0; n < count; ++n) out[at + n] = static_cast<char>(value >> (8 * n));
  };
  put(0, 1, kVersion);
  put(1, 1, header.flags);
  put(2, 2, header.type);
  put(4, 4, header.requestId);
  put(8, 4, header.length);
  put(12, 1, header.descriptors);
  return out;
}

Result<FrameHeader> decodeHeader(std::string_view octets) {
  if (number(octets.substr(0, 1)) != kVersion) return fail(Error::Kind::syntax, "ipc: the peer speaks another version");
  FrameHeader header;
  header.flags = static_cast<std::uint8_t>(number(octets.substr(1, 1)));
  header.type = static_cast<std::uint16_t>(number(octets.substr(2, 2)));
  header.requestId = number(octets.substr(4, 4));
  header.length = number(octets.substr(8, 4));
  header.descriptors = static_cast<std::uint8_t>(number(octets.substr(12, 1)));
  if ((header.flags & ~kReplyFlag) != 0) return fail(Error::Kind::syntax, "ipc: unknown flags");
  if (header.type == 0) return fail(Error::Kind::syntax, "ipc: type 0");
  if (header.length > kMaxFrame) return fail(Error::Kind::limit, "ipc: frame too long");
  if (header.descriptors > kMaxDescriptors) return fail(Error::Kind::syntax, "ipc: too many descriptors");
  if (number(octets.substr(13, 3)) != 0) return fail(Error::Kind::syntax, "ipc: reserved octets are not zero");
  return header;
}

std::pair<char*, std::size_t> FrameBuffer::room() {
  std::size_t needed = kReadSize;
  if (buffered() >= kHeaderSize) {
    const auto header = decodeHeader({octets_.data() + begin_, kHeaderSize});
    if (header && kHeaderSize + header->length > buffered()) {
      needed = std::max(needed, kHeaderSize + header->length - buffered());
    }
  }
  if (begin_ > 0) {
    std::memmove(octets_.data(), octets_.data() + begin_, buffered());
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == 0 && octets_.size() > kKeep) octets_ = std::string();
  if (octets_.size() - end_ < needed) octets_.resize(end_ + needed);
  return {octets_.data() + end_, octets_.size() - end_};
}

Result<std::optional<FrameBuffer::Piece>> FrameBuffer::next() {
  if (buffered() < kHeaderSize) return std::optional<Piece>();
  const std::string_view received(octets_.data() + begin_, buffered());
  const auto header = decodeHeader(received.substr(0, kHeaderSize));
  if (!header) return fail(header.error());
  if (received.size() - kHeaderSize < header->length) return std::optional<Piece>();
  begin_ += kHeaderSize + header->length;
  return std::optional<Piece>(Piece{*header, received.substr(kHeaderSize, header->length)});
}

}  // namespace ostler::ipc
