#include "queued/spool/schedule_index.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <optional>
#include <unordered_map>

#include "libmailcore/ipc/wire.h"
#include "queued/spool/index_rows.h"
#include "queued/spool/index_tables.h"

namespace ostler::spool {

namespace {

constexpr std::string_view kAppliedKey = "applied";
constexpr std::string_view kDestinationPrefix = "destination:";

/// Version of the tables; another one is made anew from the journal.
constexpr std::uint32_t kVersion = 4;

struct Applied {
  std::uint32_t version = kVersion;
  std::uint64_t replayFrom = 0;
  journal::Position told{};
  template <class V>
  void fields(V& v) {
    v(version, replayFrom);
    v.later(told.segment, told.offset);
  }
};

bool isDestination(std::string_view key) { return key.starts_with(kDestinationPrefix); }
std::string destinationOf(std::string_view key) { return std::string(key.substr(kDestinationPrefix.size())); }

/// The tables into the queue; gives the segment to replay from. Nothing: something in them is not of our form.
std::optional<Applied> load(IndexTables& tables, Queue& queue) {
  const IndexTables::Transaction reading(tables);
  std::optional<Applied> applied;
  const bool isKnown = reading.walk(tables.about, "", [&](std::string_view key, std::string_view value) {
    if (isDestination(key)) {
      queue.restoreDestination(destinationOf(key), value == "held" ? Hold::held : Hold::frozen);
      return true;
    }
    const auto stored = ipc::decode<Applied>(value);
    if (key != kAppliedKey || !stored || stored->version != kVersion) return false;
    applied = *stored;
    return true;
  });
  queue.reserve(reading.count(tables.states));
  StateView row;
  const bool areSound = reading.walk(tables.states, "", [&](std::string_view key, std::string_view value) {
    const std::optional<Id128> id = Id128::fromOctets(key);
    if (!id || !ipc::decodeInto(row, value)) return false;
    queue.restore(messageOf(*id, row));
    tables.noteRead(value);
    return true;
  });
  tables.letGoOfPages();
  if (!isKnown || !areSound || (!applied && !queue.messages().empty())) return std::nullopt;
  return applied.value_or(Applied());
}

Transcripts storedTranscripts(const IndexTables& tables, const IndexTables::Transaction& transaction, std::string_view id) {
  return ipc::decode<Transcripts>(transaction.get(tables.transcripts, id)).value_or(Transcripts{});
}

/// Where it is filed, one place after the other.
std::string filedOf(std::string_view packed) {
  const Result<MessageRecord> record = ipc::decode<MessageRecord>(packed);
  std::string all;
  for (const std::string& place : record ? filedUnder(*record) : std::vector<std::string>()) all += place;
  return all;
}

std::vector<std::string> filedKeys(const Id128& id, std::string_view filed) {
  std::vector<std::string> keys;
  for (; filed.size() >= kFiledPlace; filed.remove_prefix(kFiledPlace)) keys.push_back(std::string(filed.substr(0, kFiledPlace)).append(id.octets()));
  return keys;
}

/// The records of rows, as far as they are needed: those that memory has not are read from the journal together.
class Unfiled {
 public:
  explicit Unfiled(const ScheduleIndex::Changes& changes) {
    std::vector<journal::Position> places;
    for (const ScheduleIndex::Changes::Row& row : changes.rows) {
      if (!row.unfiled) continue;
      at_[row.id] = places.size();
      places.push_back(*row.unfiled);
    }
    if (!places.empty()) records_.emplace(changes.recordsAt(places));
  }
  /// Empty: it is filed already, or cannot be read.
  [[nodiscard]] std::string_view recordOf(const ScheduleIndex::Changes::Row& row) const {
    if (!row.unfiled) return row.packed;
    return (*records_)[at_.at(row.id)].value_or(std::string_view());
  }

 private:
  std::unordered_map<Id128, std::size_t> at_;
  std::optional<journal::Gathered> records_;
};

/// The row's state, with what memory has let go of. `packed`: its record, if it is to be filed.
StateRow merged(const ScheduleIndex::Changes::Row& row, std::string_view packed, const std::optional<StateRow>& before) {
  StateRow now = ipc::decode<StateRow>(row.state).value_or(StateRow());
  now.filed = !packed.empty() ? filedOf(packed) : before ? before->filed : std::string();
  for (const std::uint32_t at : row.asStored) {
    if (before && at < before->recipients.size()) now.recipients[at].lastReply = before->recipients[at].lastReply;
  }
  return now;
}

Transcripts withThoseStored(Transcripts kept, const std::vector<Transcript>& added) {
  kept.all.insert(kept.all.end(), added.begin(), added.end());
  if (kept.all.size() > Transcript::kKept) kept.all.erase(kept.all.begin(), kept.all.end() - Transcript::kKept);
  return kept;
}

/// In the order of their keys, for then LMDB fills its pages.
std::vector<const ScheduleIndex::Changes::Row*> inOrder(const std::vector<ScheduleIndex::Changes::Row>& changed) {
  std::vector<const ScheduleIndex::Changes::Row*> rows;
  rows.reserve(changed.size());
  for (const ScheduleIndex::Changes::Row& row : changed) rows.push_back(&row);
  std::ranges::sort(rows, {}, [](const ScheduleIndex::Changes::Row* row) { return row->id; });
  return rows;
}

/// One transaction's changes of the tables.
class Commit {
 public:
  Commit(const IndexTables& tables, const ScheduleIndex::Changes& changes) : tables_(tables), changes_(changes), unfiled_(changes), writing_(tables) {}

  [[nodiscard]] Result<void> run() {
    for (const Row* const row : inOrder(changes_.rows)) {
      const std::string_view stored = writing_.get(tables_.states, row->id.octets());
      std::optional<StateRow> before;
      if (!stored.empty()) before = ipc::decode<StateRow>(stored).value_or(StateRow());
      if (!row->state.empty()) {
        store(*row, before);
      } else if (before) {  // most were never stored: they came and went between two commits
        forget(*row, *before);
      }
    }
    std::ranges::sort(toFile_);
    for (const std::string& place : toFile_) writing_.put(tables_.filed, place, "");
    putAbout();
    return writing_.commit();
  }

 private:
  using Row = ScheduleIndex::Changes::Row;

  void store(const Row& row, const std::optional<StateRow>& before) {
    const std::string_view key = row.id.octets();
    const std::string_view record = unfiled_.recordOf(row);
    const StateRow now = merged(row, record, before);
    if (!record.empty()) std::ranges::move(filedKeys(row.id, now.filed), std::back_inserter(toFile_));
    writing_.put(tables_.states, key, ipc::encode(now));
    if (before && before->grown && !now.grown) writing_.remove(tables_.packed, key);
    if (now.grown && !row.packed.empty()) writing_.put(tables_.packed, key, row.packed);
    if (row.transcripts.empty()) return;
    writing_.put(tables_.transcripts, key, ipc::encode(withThoseStored(storedTranscripts(tables_, writing_, key), row.transcripts)));
  }

  void forget(const Row& row, const StateRow& before) {
    const std::string_view key = row.id.octets();
    for (const std::string& place : filedKeys(row.id, before.filed)) writing_.remove(tables_.filed, place);
    writing_.remove(tables_.states, key);
    writing_.remove(tables_.transcripts, key);
    if (before.grown) writing_.remove(tables_.packed, key);
  }

  void putAbout() {
    std::vector<std::string> forgotten;
    (void)writing_.walk(tables_.about, kDestinationPrefix, [&](std::string_view key, std::string_view) {
      if (isDestination(key) && !changes_.destinations.contains(destinationOf(key))) forgotten.emplace_back(key);
      return isDestination(key);
    });
    for (const std::string& key : forgotten) writing_.remove(tables_.about, key);
    for (const auto& [key, hold] : changes_.destinations) {
      writing_.put(tables_.about, std::string(kDestinationPrefix) + key, hold == Hold::held ? "held" : "frozen");
    }
    Applied applied;
    applied.replayFrom = changes_.replayFrom;
    applied.told = changes_.told;
    writing_.put(tables_.about, kAppliedKey, ipc::encode(applied));
  }

  const IndexTables& tables_;
  const ScheduleIndex::Changes& changes_;
  const Unfiled unfiled_;
  IndexTables::Writing writing_;
  std::vector<std::string> toFile_;
};

}  // namespace

ScheduleIndex::ScheduleIndex(std::unique_ptr<IndexTables> tables) : tables_(std::move(tables)) {}
ScheduleIndex::~ScheduleIndex() = default;

Result<LoadedIndex> ScheduleIndex::open(const std::string& folder, Queue& queue, const log::Log& log) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(Error::Kind::permanent, fmt::format("cannot make {}: {}", folder, std::strerror(errno)));
  }
  Result<std::unique_ptr<IndexTables>> tables = IndexTables::open(folder);
  std::optional<Applied> applied = tables ? load(**tables, queue) : std::nullopt;
  if (!applied) {
    log.error("schedule-index-rebuilt", {{"reason", tables ? "a row of another form" : tables.error().detail}});
    queue = Queue();
    applied.emplace();
    if (tables) tables->reset();
    forget(folder);
    tables = IndexTables::open(folder);
    if (!tables) return fail(tables.error());
  }
  LoadedIndex loaded{std::unique_ptr<ScheduleIndex>(new ScheduleIndex(std::move(*tables))), applied->replayFrom, applied->told};
  queue.keepIn(loaded.index.get());
  return loaded;
}

void ScheduleIndex::forget(const std::string& folder) {
  ::unlink((folder + "/data.mdb").c_str());
  ::unlink((folder + "/lock.mdb").c_str());
}

ScheduleIndex::Changes::Row ScheduleIndex::toRow(const Message& message) {
  Changes::Row change;
  change.id = message.id;
  change.state = ipc::encode(rowOf(message));
  for (std::uint32_t at = 0; at < message.recipients.size(); ++at) {
    if (message.recipients[at].hasReplyStored) change.asStored.push_back(at);
  }
  change.packed = message.extra().packed;
  if (message.unfiled && change.packed.empty()) change.unfiled = message.record;
  return change;
}

void ScheduleIndex::add(Changes& changes, const Queue& queue, std::span<const Id128> ids) {
  changes.recordsAt = queue.recordsAt();
  for (const Id128& id : ids) {
    const Message* const message = queue.find(id);
    changes.rows.push_back(message == nullptr ? Changes::Row{id, {}, {}, {}, {}, {}} : toRow(*message));
    if (message != nullptr) changes.rows.back().transcripts = queue.takenTranscriptsOf(id);
  }
}

Result<void> ScheduleIndex::commitAll(Queue& queue, std::uint64_t before, std::uint64_t replayFrom, journal::Position told) {
  const std::vector<Id128> changed = queue.takeChanged();
  std::span<const Id128> left = changed;
  do {
    const std::span<const Id128> some = left.first(std::min(left.size(), kAtOnce));
    left = left.subspan(some.size());
    Changes changes;
    changes.destinations = queue.destinations();
    changes.replayFrom = left.empty() ? replayFrom : before;
    changes.told = told;
    add(changes, queue, some);
    const Result<void> committed = commit(changes);
    if (!committed) return committed;
    queue.stored(some);
  } while (!left.empty());
  return {};
}

Result<void> ScheduleIndex::commit(const Changes& changes) {
  const Result<void> committed = Commit(*tables_, changes).run();
  if (committed) tables_->letGoOfPages();
  return committed;
}

std::vector<Archive::Stored> ScheduleIndex::read(std::span<const Id128> ids) const {
  std::vector<Stored> all(ids.size());
  const IndexTables::Transaction reading(*tables_);
  IndexTables::Cursor cursor(reading, tables_->states);
  StateView row;
  for (std::size_t at = 0; at < ids.size(); ++at) {
    if (!cursor.to(ids[at].octets()) || !ipc::decodeInto(row, cursor.value())) continue;
    for (const StateView::Recipient& recipient : row.recipients) all[at].replies.emplace_back(recipient.lastReply);
    if (row.grown) all[at].packed = reading.get(tables_->packed, ids[at].octets());
  }
  return all;
}

std::vector<Transcript> ScheduleIndex::transcriptsOf(const Id128& id) const {
  return storedTranscripts(*tables_, IndexTables::Transaction(*tables_), id.octets()).all;
}

std::vector<Id128> ScheduleIndex::idsAfter(const Id128& after, std::size_t most, const std::string& of) const {
  std::vector<Id128> ids;
  if (most == 0) return ids;
  const MDB_dbi table = of.empty() ? tables_->states : tables_->filed;
  const std::string from = of + std::string(after.octets());
  const bool isWhole = IndexTables::Transaction(*tables_).walk(table, from, [&](std::string_view key, std::string_view) {
    if (!key.starts_with(of)) return false;
    const std::optional<Id128> id = Id128::fromOctets(key.substr(of.size()));
    if (id && *id > after) ids.push_back(*id);
    return ids.size() < most;
  });
  (void)isWhole;  // there may be more, and what cannot be read the next start finds
  return ids;
}

}  // namespace ostler::spool
