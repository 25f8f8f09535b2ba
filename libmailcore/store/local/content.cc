#include "libmailcore/store/local/content.h"

#include <fcntl.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

#include "libmailcore/journal/record.h"
#include "libmailcore/store/local/apply.h"

namespace ostler::store::local {
namespace {

enum class Wait { forDisk, never };

// Fills `into` from the file; false where the file ends early or (Wait::never) the pages are not in memory.
bool fill(int fd, std::uint64_t offset, std::span<char> into, Wait wait) {
  while (!into.empty()) {
    iovec part{into.data(), into.size()};
    const ssize_t got = ::preadv2(fd, &part, 1, static_cast<off_t>(offset), wait == Wait::never ? RWF_NOWAIT : 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    into = into.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
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
    if (!fetch(offset, into, Wait::forDisk)) return fail(Error::Kind::temporary, "content: read error in the log");
    if (!sound(offset, into)) return fail(Error::Kind::permanent, "content: damaged (checksum) in the log; run `ostler mailbox check`");
    return {};
  }
  bool readNow(std::uint64_t offset, std::span<char> into) const override {
    return !outside(offset, into.size()) && fetch(offset, into, Wait::never) && sound(offset, into);
  }
  std::optional<FileRange> file() const override {
    if (large_) return FileRange{large_.get(), place_.tailLength, place_.fileOffset};
    return FileRange{segment_->fd(), 0, tailOffset()};
  }

 private:
  bool outside(std::uint64_t offset, std::uint64_t length) const { return offset > size() || length > size() - offset; }
  std::uint64_t tailOffset() const { return place_.record.offset + journal::kRecordHeader + place_.headLength; }
  // The part in the record, then the part in the file.
  bool fetch(std::uint64_t offset, std::span<char> into, Wait wait) const {
    if (offset < place_.tailLength) {
      const std::size_t part = std::min<std::uint64_t>(into.size(), place_.tailLength - offset);
      if (!fill(segment_->fd(), tailOffset() + offset, into.first(part), wait)) return false;
      into = into.subspan(part);
      offset += part;
    }
    return into.empty() || fill(large_.get(), place_.fileOffset + offset - place_.tailLength, into, wait);
  }
  bool sound(std::uint64_t offset, std::span<const char> octets) const {
    if (offset != 0 || octets.size() != size()) return true;  // a part: no checksum covers it alone
    if (large_) {
      const auto filePart = octets.subspan(place_.tailLength);
      return journal::crc32c({filePart.data(), filePart.size()}) == place_.fileCrc;
    }
    std::string record(journal::kRecordHeader + place_.headLength, '\0');
    if (!fill(segment_->fd(), place_.record.offset, record, Wait::forDisk)) return false;
    record.append(octets.data(), octets.size());
    const std::string_view whole = record;
    return journal::recordIsSound(whole.substr(0, journal::kRecordHeader), whole.substr(journal::kRecordHeader),
                                  segment_->header().id, place_.record.offset);
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
