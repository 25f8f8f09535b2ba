#include "libmailcore/journal/gather.h"

#include <algorithm>
#include <numeric>

namespace ostler::journal {

namespace {

/// A record and its header are taken to be no longer than this; a longer one is read alone.
constexpr std::uint64_t kRecordGuess = 1024;
/// What lies between two records is read with them when it is no more than this: copying costs less than a call.
constexpr std::uint64_t kGap = 4096;
constexpr std::uint64_t kTogetherMost = 256 * 1024;

bool goWith(const Position& first, const Position& last, const Position& next) {
  return next.segment == first.segment && next.offset - last.offset <= kRecordGuess + kGap && next.offset - first.offset <= kTogetherMost;
}

}  // namespace

Gathered::Gathered(std::span<const Position> records, const SegmentOf& segmentOf) {
  contents_.assign(records.size(), tl::unexpected(Error{Error::Kind::notFound, "journal: the record's segment is not there any more"}));
  std::vector<std::size_t> order(records.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [records](std::size_t at) { return records[at]; });
  std::shared_ptr<const SegmentFile> file;
  for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    const Position& first = records[order[begin]];
    for (end = begin + 1; end < order.size() && goWith(first, records[order[end - 1]], records[order[end]]);) ++end;
    if (!file || file->header().number != first.segment) file = segmentOf(first.segment);
    if (file) readTogether(*file, records, std::span(order).subspan(begin, end - begin));
  }
}

void Gathered::readTogether(const SegmentFile& file, std::span<const Position> records, std::span<const std::size_t> which) {
  const std::uint64_t start = records[which.front()].offset;
  std::string& octets = octets_.emplace_back(records[which.back()].offset - start + kRecordGuess, '\0');
  const Result<std::size_t> got = readAt(file.fd(), octets, start);
  if (got) octets.resize(*got);
  for (const std::size_t at : which) {
    if (!got) {
      contents_[at] = fail(got.error());
      continue;
    }
    const std::string_view rest = std::string_view(octets).substr(std::min(records[at].offset - start, octets.size()));
    const auto header = readRecordHeader(rest);
    const bool isWhole = header && header->length <= rest.size() - kRecordHeader;
    const std::string_view content = isWhole ? rest.substr(kRecordHeader, header->length) : std::string_view();
    if (isWhole && recordIsSound(rest.substr(0, kRecordHeader), content, file.header().id, records[at].offset)) {
      contents_[at] = content;
    } else {
      readAlone(file, records[at].offset, at);
    }
  }
}

void Gathered::readAlone(const SegmentFile& file, std::uint64_t offset, std::size_t which) {
  Result<std::string> content = file.readRecord(offset);
  if (!content) {
    contents_[which] = fail(content.error());
    return;
  }
  contents_[which] = std::string_view(octets_.emplace_back(std::move(*content)));
}

Result<std::string_view> Gathered::operator[](std::size_t record) const { return contents_[record]; }

}  // namespace ostler::journal
