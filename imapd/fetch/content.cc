#include "imapd/fetch/content.h"

#include <algorithm>

#include "libmailcore/message/header.h"

namespace ostler::imap {
namespace {

constexpr std::size_t kKept = 1U << 20;
constexpr std::uint64_t kFirstRead = 4U << 10;

bool holdsHeader(std::string_view octets) {
  const message::HeaderView header(octets);
  return header.length() > header.fieldsLength() && header.length() < octets.size();
}

}  // namespace

void Content::open(std::shared_ptr<const store::ContentSource> source) {
  source_ = std::move(source);
  loaded_ = 0;
  window_.reset();
  structure_.reset();
  if (octets_.size() > kKept) {  // a large header
    octets_.clear();
    octets_.shrink_to_fit();
  }
}

Result<void> Content::load(std::uint64_t octets) {
  const auto wanted = static_cast<std::size_t>(std::min(octets, size()));
  if (wanted <= loaded_) return {};
  if (octets_.size() < wanted) octets_.resize(wanted);
  const Result<void> read = source_->read(loaded_, std::span(octets_.data() + loaded_, wanted - loaded_));
  if (read) loaded_ = wanted;
  return read;
}

Result<std::string_view> Content::head() {
  for (std::uint64_t wanted = kFirstRead;; wanted *= 8) {
    const Result<void> read = load(wanted);
    if (!read) return fail(read.error());
    const std::string_view octets(octets_.data(), loaded_);
    if (loaded_ == size() || holdsHeader(octets)) return octets;
  }
}

// One read of the whole is checked against the message's checksum.
Result<message::Window*> Content::window() {
  if (!window_ && size() <= kKept) {
    const Result<void> read = load(size());
    if (!read) return fail(read.error());
    window_.emplace(std::string_view(octets_.data(), loaded_));
  } else if (!window_) {
    window_.emplace(size(), [source = source_](std::uint64_t offset, std::span<char> into) { return source->read(offset, into); });
  }
  return &*window_;
}

Result<void> Content::parse() {
  if (structure_) return {};
  Result<message::Structure> parsed = through([](message::Window& octets) { return message::parseStructure(octets); });
  if (!parsed) return fail(parsed.error());
  structure_ = std::move(*parsed);
  return {};
}

Result<void> Content::append(std::string& out, message::Range range) {
  if (range.end() <= loaded_) {
    out.append(octets_, static_cast<std::size_t>(range.offset), static_cast<std::size_t>(range.length));
    return {};
  }
  const std::size_t before = out.size();
  out.resize(before + static_cast<std::size_t>(range.length));
  return source_->read(range.offset, std::span(out.data() + before, static_cast<std::size_t>(range.length)));
}

}  // namespace ostler::imap
