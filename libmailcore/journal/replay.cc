#include "libmailcore/journal/replay.h"

#include <algorithm>
#include <limits>
#include <optional>

#include <fmt/format.h>

namespace ostler::journal {
namespace {

using EachBatch = std::function<bool(const Batch&)>;
constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

// A part of a segment in memory, extended on demand.
class Window {
 public:
  Window(const SegmentFile& file, std::uint64_t start) : file_(&file), start_(start) {}

  // `count` octets at `offset`; fewer where the segment ends.
  Result<std::string_view> at(std::uint64_t offset, std::uint64_t count) {
    const std::uint64_t end = std::min(file_->header().size, start_ + octets_.size());
    const std::uint64_t wanted = std::min(count, file_->header().size - std::min(offset, file_->header().size));
    if (offset + wanted > end) {
      const Result<void> read = extend(offset + wanted - (start_ + octets_.size()));
      if (!read) return fail(read.error());
    }
    return std::string_view(octets_).substr(offset - start_, wanted);
  }
  // Gives back memory for what lies before `offset`.
  void forgetBefore(std::uint64_t offset) {
    if (offset - start_ < kKeep) return;
    octets_.erase(0, offset - start_);
    start_ = offset;
  }

 private:
  Result<void> extend(std::uint64_t missing) {
    const std::size_t before = octets_.size();
    const std::uint64_t left = file_->header().size - std::min(file_->header().size, start_ + before);
    step_ = std::min(step_ * 4, kLargestStep);
    octets_.resize(before + std::min(left, std::max(missing, step_)));
    const Result<std::size_t> got = readAt(file_->fd(), std::span(octets_).subspan(before), start_ + before);
    if (!got) return fail(got.error());
    std::fill(octets_.begin() + static_cast<std::ptrdiff_t>(before + *got), octets_.end(), '\0');  // a file cut short
    return {};
  }
  static constexpr std::uint64_t kKeep = 4U << 20;
  static constexpr std::uint64_t kLargestStep = 1U << 20;
  const SegmentFile* file_;
  std::uint64_t start_;
  std::uint64_t step_ = 1024;
  std::string octets_;
};

// Reads the batches of one segment.
class SegmentReader {
 public:
  SegmentReader(const SegmentFile& file, const LogEnd& from, std::uint64_t batchLimit)
      : file_(file), window_(file, from.offset), end_(from), limit_(batchLimit) {}

  // The next whole batch, or nothing at the first place that is not one. Views are valid until the next call.
  Result<std::optional<Batch>> next() {
    window_.forgetBefore(end_.offset);
    struct Found {
      RecordHeader header;
      std::uint64_t offset;
    };
    std::vector<Found> found;
    std::uint64_t offset = end_.offset;
    std::uint32_t link = end_.link;
    if (end_.nextBatch >= limit_) return std::optional<Batch>{};
    do {
      const auto header = sound(offset);
      if (!header) return fail(header.error());
      const bool follows = *header && (*header)->link == link && (*header)->batch == end_.nextBatch &&
                           (*header)->firstOfBatch == found.empty();
      if (!follows) return std::optional<Batch>{};
      found.push_back({**header, offset});
      link = (*header)->crc;
      offset += recordSpan((*header)->length);
    } while (!found.back().header.lastOfBatch);

    Batch batch{end_.nextBatch, {}};
    const auto octets = window_.at(end_.offset, offset - end_.offset);
    if (!octets) return fail(octets.error());
    for (const Found& record : found) {
      const auto content = octets->substr(record.offset - end_.offset + kRecordHeader, record.header.length);
      batch.records.push_back({record.header.type, batch.number, {file_.header().number, record.offset}, content});
    }
    end_ = {end_.segment, offset, link, end_.nextBatch + 1};
    return std::optional<Batch>(std::move(batch));
  }

  // After next() gave nothing: was what is missing here ever synced? A later record or the next segment may prove it. Then
  // reading goes on at the first batch behind the gap, and the gap is returned. Without proof it is a torn tail.
  Result<std::optional<Damage>> skipDamage() {
    const std::uint64_t missing = end_.nextBatch;
    const std::uint64_t gap = end_.offset;
    bool proven = limit_ != kNoLimit;
    std::uint64_t highest = missing;
    std::optional<LogEnd> behind;
    for (std::uint64_t offset = gap + 8; offset + kRecordHeader <= file_.header().size && !(proven && behind); offset += 8) {
      window_.forgetBefore(offset);
      const auto header = plausible(offset, missing) ? sound(offset) : Result<std::optional<RecordHeader>>(std::nullopt);
      if (!header) return fail(header.error());
      if (!*header) continue;
      const RecordHeader& record = **header;
      if (record.syncedThrough() >= missing) proven = true;
      highest = std::max(highest, record.batch);
      if (!behind && record.firstOfBatch) behind = LogEnd{end_.segment, offset, record.link, record.batch};
      offset += recordSpan(record.length) - 8;
    }
    if (!proven) return std::optional<Damage>{};
    Damage damage{{end_.segment, gap}, {end_.segment, file_.header().size}, "records damaged after they had been synced"};
    end_.offset = file_.header().size;
    end_.nextBatch = limit_ != kNoLimit ? limit_ : highest + 1;
    if (behind) {
      end_ = *behind;
      damage.to.offset = behind->offset;
      window_ = Window(file_, end_.offset);
    }
    return std::optional<Damage>(std::move(damage));
  }

  [[nodiscard]] const LogEnd& end() const { return end_; }

 private:
  // A cheap look, so that a search over megabytes need not compute a checksum at each step.
  bool plausible(std::uint64_t offset, std::uint64_t missing) {
    const auto octets = window_.at(offset, kRecordHeader);
    constexpr std::size_t kTypeAt = 12;  // nearly all of what is searched was never written: zeros
    if (!octets || ((*octets)[kTypeAt] == 0 && (*octets)[kTypeAt + 1] == 0)) return false;
    const auto header = readRecordHeader(*octets);
    return header && header->type != 0 && header->unsynced != 0 && header->batch >= missing &&
           header->batch < limit_ && header->length <= file_.header().size - offset - kRecordHeader;
  }

  Result<std::optional<RecordHeader>> sound(std::uint64_t offset) {
    const auto octets = window_.at(offset, kRecordHeader);
    if (!octets) return fail(octets.error());
    const auto header = readRecordHeader(*octets);
    const std::uint64_t left = file_.header().size - std::min(file_.header().size, offset + kRecordHeader);
    if (!header || header->type == 0 || header->length > left) return std::optional<RecordHeader>{};
    const auto whole = window_.at(offset, kRecordHeader + header->length);
    if (!whole) return fail(whole.error());
    if (!recordIsSound(whole->substr(0, kRecordHeader), whole->substr(kRecordHeader), file_.header().id, offset)) {
      return std::optional<RecordHeader>{};
    }
    return header;
  }

  const SegmentFile& file_;
  Window window_;
  LogEnd end_;
  std::uint64_t limit_;
};

LogEnd startOf(const SegmentHeader& header) { return {header.number, kSegmentStart, header.crc, header.firstBatch}; }

using OpenSegments = std::vector<std::shared_ptr<const SegmentFile>>;

// Opens the segments from `fromSegment` on; those whose header cannot be read are told as damage and left out.
Result<OpenSegments> openSegments(int folder, std::uint64_t fromSegment, std::vector<Damage>& damage) {
  const auto numbers = listSegments(folder);
  if (!numbers) return fail(numbers.error());
  OpenSegments out;
  for (const std::uint64_t number : *numbers) {
    if (number < fromSegment) continue;
    auto file = SegmentFile::open(folder, number);
    if (file) {
      out.push_back(std::move(*file));
    } else if (file.error().kind == Error::Kind::permanent) {
      damage.push_back({{number, 0}, {number + 1, 0}, file.error().detail});
    } else {
      return fail(file.error());
    }
  }
  return out;
}

// Is what the predecessor holds enough for this segment's first batch to be the next one?
void tellMissingBatches(const LogEnd& reached, const SegmentHeader& next, std::vector<Damage>& damage) {
  if (reached.segment == 0 || reached.nextBatch >= next.firstBatch) return;
  damage.push_back({{reached.segment, reached.offset}, {next.number, kSegmentStart},
                    fmt::format("batches {} to {} are missing", reached.nextBatch, next.firstBatch - 1)});
}

}  // namespace

Result<Replayed> replay(int folder, std::uint64_t fromSegment, const EachBatch& each) {
  Replayed result;
  const auto segments = openSegments(folder, fromSegment, result.damage);
  if (!segments) return fail(segments.error());
  for (std::size_t at = 0; at < segments->size(); ++at) {
    const SegmentFile& file = *(*segments)[at];
    const std::uint64_t limit = at + 1 < segments->size() ? (*segments)[at + 1]->header().firstBatch : kNoLimit;
    tellMissingBatches(result.end, file.header(), result.damage);
    SegmentReader reader(file, startOf(file.header()), limit);
    for (;;) {
      const auto batch = reader.next();
      if (!batch) return fail(batch.error());
      result.end = reader.end();
      if (*batch) {
        if (!each(**batch)) return result;
        continue;
      }
      if (result.end.nextBatch >= limit) break;
      auto damage = reader.skipDamage();
      if (!damage) return fail(damage.error());
      if (!*damage) break;
      result.damage.push_back(std::move(**damage));
    }
  }
  return result;
}

Result<LogEnd> replayFrom(int folder, const LogEnd& from, const EachBatch& each) {
  auto file = SegmentFile::open(folder, std::max<std::uint64_t>(from.segment, 1));
  if (!file && from.segment == 0 && file.error().kind == Error::Kind::notFound) return from;
  if (!file) return fail(file.error());
  LogEnd end = from.segment == 0 ? startOf((*file)->header()) : from;
  for (;;) {
    auto next = SegmentFile::open(folder, end.segment + 1);
    if (!next && next.error().kind != Error::Kind::notFound) return fail(next.error());
    if (next && (*next)->header().predecessor != (*file)->header().id) {
      return fail(Error::Kind::permanent, "journal: " + segmentName(end.segment + 1) + " does not continue the one before it");
    }
    SegmentReader reader(**file, end, next ? (*next)->header().firstBatch : kNoLimit);
    for (;;) {
      const auto batch = reader.next();
      if (!batch) return fail(batch.error());
      end = reader.end();
      if (!*batch) break;
      if (!each(**batch)) return end;
    }
    if (!next) return end;
    if (end.nextBatch < (*next)->header().firstBatch) {
      return fail(Error::Kind::permanent, "journal: batches are missing before " + segmentName((*next)->header().number));
    }
    file = std::move(next);
    end = startOf((*file)->header());
  }
}

}  // namespace ostler::journal
