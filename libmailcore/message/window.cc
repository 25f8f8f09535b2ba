#include "libmailcore/message/window.h"

#include <algorithm>

#include "libmailcore/message/header.h"

namespace ostler::message {
namespace {

constexpr std::uint64_t kPiece = 65536;
constexpr std::uint64_t kFirstHead = 4096;

bool holdsHeader(std::string_view octets) {
  const HeaderView header(octets);
  return header.length() > header.fieldsLength() && header.length() < octets.size();
}

}  // namespace

std::string_view Window::take(Range& range) {
  const std::string_view piece = from(range.offset).substr(0, std::min(range.length, kPiece));
  range.offset += piece.size();
  range.length -= piece.size();
  return piece;
}

std::string_view Window::head() {
  for (std::uint64_t wanted = kFirstHead;; wanted *= 8) {
    const std::string_view octets = this->octets({0, std::min(wanted, size_)});
    if (octets.size() == size_ || holdsHeader(octets)) return octets;
  }
}

void Window::fill(Range range) {
  const std::uint64_t behind = std::min(range.offset, kBehind);
  start_ = range.offset - behind;
  buffer_.resize(std::min(range.length + behind, size_ - start_));
  const Result<void> read = read_(start_, buffer_);
  if (!read) {
    error_ = read.error();
    size_ = start_;
    buffer_.clear();
  }
  held_ = buffer_;
}

}  // namespace ostler::message
