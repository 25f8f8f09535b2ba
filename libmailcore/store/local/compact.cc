#include "libmailcore/store/local/compact.h"

#include <fcntl.h>

#include <algorithm>

#include "libmailcore/store/local/rebuild.h"

namespace ostler::store::local {
namespace {

constexpr std::uint64_t kMovedAtOnce = 4 << 20;
constexpr std::uint64_t kLargestMoved = 16 << 20;
constexpr std::uint64_t kMovedInOneRun = 64 << 20;
constexpr std::size_t kPartOctets = 1 << 20;

std::map<std::uint64_t, SegmentRow> segmentRows(const Txn& txn) {
  std::map<std::uint64_t, SegmentRow> rows;
  Cursor cursor(txn, Table::state);
  for (bool there = cursor.seek("g"); there && cursor.key().starts_with("g"); there = cursor.next()) {
    std::uint64_t number = 0;
    for (const char c : cursor.key().substr(1)) number = number << 8 | static_cast<unsigned char>(c);
    rows.emplace(number, segmentRow(cursor.value()));
  }
  return rows;
}

/// Appends some messages again, as they are.
class MoveContent final : public Operation {
 public:
  void add(const EmailId& id, std::string tail) {
    span_ += journal::recordSpan(tail.size() + 16);
    moved_.emplace_back(id, std::move(tail));
  }
  [[nodiscard]] std::uint64_t contentSpan() const override { return span_; }
  Result<void> plan(Planner& planner) override {
    for (const auto& [id, tail] : moved_) planner.emit(ContentMoved{id, tail});
    return {};
  }
  void done(Result<void>) override {}

 private:
  std::vector<std::pair<EmailId, std::string>> moved_;
  std::uint64_t span_ = 0;
};

}  // namespace

bool Compaction::worthwhile() const {
  const Index::Read read(folder_.index_);
  std::uint64_t live = 0;
  std::uint64_t total = 0;
  for (const auto& [number, row] : segmentRows(read)) {
    live += row.live;
    total += row.total;
  }
  return total - std::min(live, total) >= std::max(kDeadEnough, total / 2);
}

Result<void> Compaction::run() {
  const Result<void> moved = moveContent(liveInVictims());
  if (!moved) return moved;
  const Result<void> written = writeSnapshot();
  if (!written) return written;
  // Nothing may be unlinked that an index which a power cut took back would look for.
  folder_.index_->sync();
  unlinkDead(snapshotSegment_);
  return {};
}

std::vector<Compaction::Live> Compaction::liveInVictims() const {
  const Index::Read read(folder_.index_);
  const auto rows = segmentRows(read);
  std::vector<Live> live;
  Cursor mail(read, Table::mail);
  for (bool there = mail.first(); there; there = mail.next()) {
    const ContentPlace place = mailRow(mail.value()).place;
    const auto segment = rows.find(place.record.segment);
    if (segment == rows.end() || segment->second.live * 2 >= segment->second.total) continue;
    live.push_back({Id128::fromOctets(mail.key()).value_or(EmailId{}), place});
  }
  // In the order in which they came, which is the one in which they are read.
  std::sort(live.begin(), live.end(), [](const Live& a, const Live& b) { return a.place.record < b.place.record; });
  // The lock is held meanwhile, so not all of a huge account at once: the rest comes next time, whole segments each.
  std::uint64_t octets = 0;
  for (auto at = live.begin(); at != live.end(); ++at) {
    const bool firstOfSegment = at == live.begin() || at->place.record.segment != std::prev(at)->place.record.segment;
    if (firstOfSegment && octets >= kMovedInOneRun) {
      live.erase(at, live.end());
      break;
    }
    octets += at->place.tailLength;
  }
  return live;
}

Result<void> Compaction::moveContent(const std::vector<Live>& live) {
  if (live.empty()) return {};
  Result<void> fresh = folder_.ensureRoom(0);
  if (fresh) fresh = folder_.writer_->sync();
  std::uint64_t spans = 0;
  for (const Live& one : live) spans += journal::recordSpan(one.place.tailLength + 16);
  // Not into a segment that shall go; and no larger than it will be filled.
  if (fresh) fresh = folder_.newSegment(std::min(spans, kLargestMoved), folder_.end_.nextBatch, AccountFolder::Size::exact);
  if (!fresh) return fresh;
  for (auto at = live.begin(); at != live.end();) {
    const auto move = std::make_shared<MoveContent>();
    for (; at != live.end() && move->contentSpan() < kMovedAtOnce; ++at) {
      const auto content = folder_.content(at->id, at->place);
      if (!content) return fail(content.error());
      std::string tail(at->place.tailLength, '\0');
      const Result<void> read = (*content)->read(0, tail);
      if (!read) return read;  // damaged: its segment stays as it is, for whoever repairs it
      move->add(at->id, std::move(tail));
    }
    std::vector<Result<void>> outcomes;
    const Result<void> committed = folder_.tryCommit({move}, 0, outcomes);
    if (!committed) return committed;
    if (!outcomes.front()) return outcomes.front();
  }
  return {};
}

Result<void> Compaction::appendBatch(const LogRecord& record) {
  const std::string content = encode(record);
  Result<void> room = folder_.ensureRoom(journal::recordSpan(content.size()));
  if (!room) return room;
  const auto places = folder_.writer_->append({{typeOf(record), content}});
  if (!places) return fail(places.error());
  folder_.end_ = folder_.writer_->end();
  return {};
}

Result<void> Compaction::writeSnapshot() {
  const Index::Read read(folder_.index_);
  SnapshotBegun begun{Id128::make(SystemClock().now())};
  SnapshotPart part{begun.id, {}};
  SnapshotEnded ended{begun.id, 0};
  Result<void> done = folder_.ensureRoom(0);
  if (done) done = folder_.writer_->sync();
  if (done) done = folder_.newSegment(0, folder_.end_.nextBatch);  // a snapshot begins a segment: that is how it is found
  if (!done) return done;
  snapshotSegment_ = folder_.end_.segment;
  done = appendBatch(begun);
  std::vector<std::string> stripped;  // what the part's views point into
  std::size_t octets = 0;
  const auto flush = [&] {
    if (part.pairs.empty() || !done) return;
    done = appendBatch(part);
    part.pairs.clear();
    stripped.clear();
    octets = 0;
    ++ended.parts;
  };
  eachPair(read, [&](Table table, std::string_view key, std::string_view value) {
    if (!done || (table == Table::state && key == kLogEndKey)) return;
    if (table == Table::subject || table == Table::summary) return;
    auto tag = static_cast<std::uint8_t>(table);
    if (table == Table::mail) {  // what is prepared is cheaper made anew than kept twice
      MailRow row = mailRow(value);
      row.preparedVersion = 0;
      stripped.reserve(kPartOctets / 32);  // views stay
      stripped.push_back(encodeRow(row));
      value = stripped.back();
      tag = kStrippedMail;
    }
    part.pairs.push_back({tag, key, value});
    octets += key.size() + value.size() + 8;
    if (octets >= kPartOctets || stripped.size() >= kPartOctets / 32) flush();
  });
  flush();
  if (done) done = appendBatch(ended);
  if (done) done = folder_.writer_->sync();
  std::vector<Result<void>> outcomes;
  if (done) done = folder_.tryCommit({}, 0, outcomes);  // reads the snapshot's end: see Apply
  return done;
}

void Compaction::unlinkDead(std::uint64_t before) {
  const Index::Read read(folder_.index_);
  const auto rows = segmentRows(read);
  const auto segments = journal::listSegments(folder_.log_.get());
  for (const std::uint64_t number : segments.value_or(std::vector<std::uint64_t>{})) {
    if (number >= before || rows.contains(number)) continue;
    folder_.segments_->forget(number);
    (void)folder_.disk().unlink(folder_.log_.get(), journal::segmentName(number));
  }
}

}  // namespace ostler::store::local
