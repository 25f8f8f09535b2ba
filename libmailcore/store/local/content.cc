#include "libmailcore/store/local/content.h"

#include <fcntl.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "libmailcore/base/crc32c.h"
#include "libmailcore/journal/record.h"
#include "libmailcore/store/local/apply.h"

namespace ostler::store::local {
namespace {

enum class Wait { forDisk, never };

// Fills one span, then the other, from a run of the file; false where the file ends early or (Wait::never) the pages are not in
// memory.
bool fill(int fd, std::uint64_t offset, std::span<char> first, std::span<char> second, Wait wait) {
  while (!first.empty() || !second.empty()) {
    const std::array<iovec, 2> parts{{{first.data(), first.size()}, {second.data(), second.size()}}};
    const ssize_t got = ::preadv2(fd, parts.data(), parts.size(), static_cast<off_t>(offset), wait == Wait::never ? RWF_NOWAIT : 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    const auto octets = static_cast<std::size_t>(got);
    const std::size_t ofFirst = std::min(octets, first.size());
    first = first.subspan(ofFirst);
    second = second.subspan(octets - ofFirst);
    offset += octets;
  }
  return true;
}

class StoredContent final : public ContentSource {
 public:
  StoredContent(std::shared_ptr<const journal::SegmentFile> segment, UniqueFd large, const ContentPlace& place)
      : segment_(std::move(segment)), large_(std::move(large)), place_(place) {}

  std::uint64_t size() const override { return place_.size(); }
  Result<void> read(std::uint64_t offset, std::span<char> into) const override {
    if (outside(offset, into.size())) return fail(Error::Kind::permanent, "content: read beyond its end");
    const Got got = fetch(offset, into, Wait::forDisk);
    if (got == Got::nothing) return fail(Error::Kind::temporary, "content: read error in the log");
    if (got == Got::damaged) return fail(Error::Kind::permanent, "content: damaged (checksum) in the log; run `ostler mailbox check`");
    return {};
  }
  bool readNow(std::uint64_t offset, std::span<char> into) const override {
    return !outside(offset, into.size()) && fetch(offset, into, Wait::never) == Got::sound;
  }
  std::optional<FileRange> file() const override {
    if (large_) return FileRange{large_.get(), place_.tailLength, place_.fileOffset};
    return FileRange{segment_->fd(), 0, tailOffset()};
  }

 private:
  bool outside(std::uint64_t offset, std::uint64_t length) const { return offset > size() || length > size() - offset; }
  std::uint64_t tailOffset() const { return place_.record.offset + journal::kRecordHeader + place_.headLength; }

  enum class Got { nothing, damaged, sound };
  Got fetch(std::uint64_t offset, std::span<char> into, Wait wait) const {
    const bool isWhole = offset == 0 && into.size() == size();
    if (isWhole && !large_) return fetchRecord(into, wait);
    if (!fetchPart(offset, into, wait)) return Got::nothing;
    if (!isWhole) return Got::sound;  // no checksum covers a part alone
    const auto ofFile = into.subspan(place_.tailLength);
    return crc32c({ofFile.data(), ofFile.size()}) == place_.fileCrc ? Got::sound : Got::damaged;
  }
  // The record's header and what stands before the message go aside: its checksum covers them too.
  Got fetchRecord(std::span<char> into, Wait wait) const {
    std::string head(journal::kRecordHeader + place_.headLength, '\0');
    if (!fill(segment_->fd(), place_.record.offset, head, into, wait)) return Got::nothing;
    const std::string_view header = std::string_view(head).substr(0, journal::kRecordHeader);
    const std::string_view before = std::string_view(head).substr(journal::kRecordHeader);
    const bool isSound = journal::recordIsSound(header, before, segment_->header().id, place_.record.offset, {into.data(), into.size()});
    return isSound ? Got::sound : Got::damaged;
  }
  // From the part in the record, then from the one in the file.
  bool fetchPart(std::uint64_t offset, std::span<char> into, Wait wait) const {
    std::span<char> ofRecord;
    if (offset < place_.tailLength) {
      ofRecord = into.first(std::min<std::uint64_t>(into.size(), place_.tailLength - offset));
      if (!fill(segment_->fd(), tailOffset() + offset, ofRecord, {}, wait)) return false;
    }
    const std::span<char> ofFile = into.subspan(ofRecord.size());
    return ofFile.empty() || fill(large_.get(), place_.fileOffset + offset + ofRecord.size() - place_.tailLength, ofFile, {}, wait);
  }

  std::shared_ptr<const journal::SegmentFile> segment_;
  UniqueFd large_;
  ContentPlace place_;
};

}  // namespace

Result<std::shared_ptr<const journal::SegmentFile>> OpenSegments::get(std::uint64_t number) {
  const std::scoped_lock lock(mutex_);
  const auto found = std::find_if(files_.begin(), files_.end(), [&](const auto& one) { return one.first == number; });
  if (found != files_.end()) {
    files_.splice(files_.begin(), files_, found);
    return found->second;
  }
  auto opened = journal::SegmentFile::open(folder_, number);
  if (!opened) return opened;
  files_.emplace_front(number, *opened);
  if (files_.size() > kKept) files_.pop_back();
  return opened;
}

void OpenSegments::forget(std::uint64_t number) {
  const std::scoped_lock lock(mutex_);
  files_.remove_if([&](const auto& one) { return one.first == number; });
}

Result<std::shared_ptr<const ContentSource>> openContent(OpenSegments& segments, int logFolder, const EmailId& id,
                                                         const ContentPlace& place) {
  auto segment = segments.get(place.record.segment);
  if (!segment) return fail(segment.error());
  UniqueFd large;
  if (place.kind == ContentKind::file) {
    large.reset(::openat(logFolder, messageFileName(id).c_str(), O_RDONLY | O_CLOEXEC));
    if (!large) return fail(Error::Kind::permanent, "content: " + messageFileName(id) + " is missing");
  }
  return std::make_shared<const StoredContent>(std::move(*segment), std::move(large), place);
}

Result<std::string> readAll(const ContentSource& source) {
  std::string octets(source.size(), '\0');
  const Result<void> read = source.read(0, octets);
  if (!read) return fail(read.error());
  return octets;
}

}  // namespace ostler::store::local
