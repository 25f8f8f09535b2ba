#include "libmailcore/smtp/transcript.h"

#include "libmailcore/base/ascii.h"

namespace ostler::smtp {
namespace {

constexpr std::size_t kMostTranscriptLine = 200;
constexpr std::size_t kHead = 2048;
constexpr std::size_t kTail = 2048;

}  // namespace

void Transcript::clear() {
  head_.clear();
  tail_.clear();
  isCut_ = false;
}

void Transcript::add(std::string_view who, std::string_view line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  std::string& to = tail_.empty() && head_.size() < kHead ? head_ : tail_;
  to += who;
  to += printable(line, kMostTranscriptLine);
  to += '\n';
  if (tail_.size() <= kTail) return;
  // Whole lines go, the oldest first.
  const std::size_t end = tail_.find('\n', tail_.size() - kTail);
  tail_.erase(0, end == std::string::npos ? 0 : end + 1);
  isCut_ = true;
}

std::string Transcript::text() const { return head_ + (isCut_ ? "* ...\n" : "") + tail_; }

}  // namespace ostler::smtp
