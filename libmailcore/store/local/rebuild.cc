#include "libmailcore/store/local/rebuild.h"

#include <fcntl.h>

#include <set>

#include "libmailcore/message/prepared.h"
#include "libmailcore/store/local/apply.h"
#include "libmailcore/store/local/content.h"

namespace ostler::store::local {
namespace {

constexpr std::size_t kBatchesInOneTransaction = 2000;

std::string readMessageFile(int logFolder, const Arrival& arrival) {
  const UniqueFd fd(::openat(logFolder, messageFileName(arrival.emailId).c_str(), O_RDONLY | O_CLOEXEC));
  std::string octets(arrival.fileLength, '\0');
  const auto got = fd ? journal::readAt(fd.get(), octets, arrival.fileOffset) : Result<std::size_t>(0);
  octets.resize(got.value_or(0));
  return octets;
}

// The segment where the latest whole snapshot begins, else the first one. A snapshot begins a segment.
std::uint64_t startOfReplay(int logFolder, std::optional<Id128>& snapshot) {
  const auto segments = journal::listSegments(logFolder);
  if (!segments) raise(segments.error());
  if (segments->empty()) return 1;
  for (auto number = segments->rbegin(); number != segments->rend(); ++number) {
    std::optional<Id128> begun;
    bool ended = false;
    const auto replayed = journal::replay(logFolder, *number, [&](const journal::Batch& batch) {
      const auto first = decode(batch.records.front().type, batch.records.front().content);
      if (!first) return false;
      if (!begun) {
        const auto* const begin = std::get_if<SnapshotBegun>(&*first);
        if (begin != nullptr) begun = begin->id;
        return begin != nullptr;
      }
      const auto* const end = std::get_if<SnapshotEnded>(&*first);
      ended = end != nullptr && end->id == *begun;
      return std::holds_alternative<SnapshotPart>(*first);
    });
    if (replayed && ended) {
      snapshot = begun;
      return *number;
    }
  }
  return segments->front();
}

/// Nothing is made of records that this program does not understand.
void refuseNewer(int logFolder) {
  const auto segments = journal::listSegments(logFolder);
  if (!segments) raise(segments.error());
  for (const std::uint64_t number : *segments) {
    const auto segment = journal::SegmentFile::open(logFolder, number);
    if (segment && (*segment)->header().user > kFormatVersion) raise(newerVersion());
  }
}

class Rebuilding {
 public:
  Rebuilding(const std::string& path, int logFolder) : index_(Index::open(path, Index::Mode::create)), log_(logFolder), segments_(logFolder) {}

  Rebuilt run() {
    std::optional<Id128> snapshot;
    const std::uint64_t start = startOfReplay(log_, snapshot);
    begin();
    std::string failure;
    const auto replayed = journal::replay(log_, start, [&](const journal::Batch& batch) {
      for (const journal::Record& record : batch.records) {
        const auto decoded = decode(record.type, record.content);
        if (!decoded) failure = decoded.error().detail;
        if (!decoded) return false;
        if (snapshot && isOf(*decoded, *snapshot)) load(*decoded);
        apply_->record(*decoded, record.at, record.content.size());
      }
      if (++batches_ % kBatchesInOneTransaction == 0) next();
      return true;
    });
    if (!replayed) raise(replayed.error());
    if (!failure.empty()) raise({Error::Kind::permanent, failure});
    apply_->finish(replayed->end);
    apply_.reset();
    write_->commit();
    write_.reset();
    return {index_, replayed->damage};
  }

 private:
  void begin() {
    write_ = std::make_unique<Index::Write>(index_);
    apply_ = std::make_unique<Apply>(*write_, [log = log_](const Arrival& arrival) { return readMessageFile(log, arrival); });
  }
  void next() {
    apply_->finish({});  // the place is written at the end
    apply_.reset();
    write_->commit();
    begin();
  }
  static bool isOf(const LogRecord& record, const Id128& snapshot) {
    const auto* const begun = std::get_if<SnapshotBegun>(&record);
    const auto* const part = std::get_if<SnapshotPart>(&record);
    const auto* const ended = std::get_if<SnapshotEnded>(&record);
    return (begun != nullptr && begun->id == snapshot) || (part != nullptr && part->id == snapshot) ||
           (ended != nullptr && ended->id == snapshot);
  }
  void load(const LogRecord& record) {
    if (const auto* const part = std::get_if<SnapshotPart>(&record)) {
      for (const SnapshotPart::Pair& pair : part->pairs) loadPair(pair);
    }
    if (std::holds_alternative<SnapshotEnded>(record)) {  // the account's row is there now
      apply_.reset();
      write_->commit();
      begin();
    }
  }
  void loadPair(const SnapshotPart::Pair& pair) {
    const auto table = static_cast<Table>(pair.table);
    if (table == Table::state) return write_->put(tableOfStateKey(pair.key), pair.key, pair.value);
    if (table == Table::columns || table == Table::known) return write_->put(table, pair.key, pair.value);
    if (table != Table::mail && pair.table != kStrippedMail) raise({Error::Kind::permanent, "log: a snapshot of an unknown table"});
    const MailRow row = mailRow(pair.value);
    const EmailId id = Id128::fromOctets(pair.key).value_or(EmailId{});
    const auto content = openContent(segments_, log_, id, row.place);
    const auto octets = content ? readAll(**content) : Result<std::string>(std::string());
    const PreparedColumns columns = prepareColumns(octets.value_or(""));
    putMail(*write_, id, row, columns);
  }

  std::shared_ptr<Index> index_;
  int log_;
  OpenSegments segments_;
  std::unique_ptr<Index::Write> write_;
  std::unique_ptr<Apply> apply_;
  std::size_t batches_ = 0;
};

}  // namespace

Rebuilt rebuildInto(const std::string& path, int logFolder) {
  refuseNewer(logFolder);
  return Rebuilding(path, logFolder).run();
}

void eachPair(const Txn& txn, const std::function<void(Table, std::string_view, std::string_view)>& each) {
  for (std::size_t table = 0; table < kTables; ++table) {
    Cursor cursor(txn, static_cast<Table>(table));
    for (bool there = cursor.first(); there; there = cursor.next()) each(static_cast<Table>(table), cursor.key(), cursor.value());
  }
}

std::uint64_t differences(const Txn& left, const Txn& right) {
  std::uint64_t count = 0;
  eachPair(left, [&](Table table, std::string_view key, std::string_view value) {
    const auto other = right.get(table, key);
    if (!other || *other != value) ++count;
  });
  eachPair(right, [&](Table table, std::string_view key, std::string_view) {
    if (!left.get(table, key)) ++count;
  });
  return count;
}

void copyAll(const Txn& from, Txn& to) {
  for (std::size_t table = 0; table < kTables; ++table) to.clear(static_cast<Table>(table));
  eachPair(from, [&](Table table, std::string_view key, std::string_view value) { to.put(table, key, value); });
}

}  // namespace ostler::store::local
