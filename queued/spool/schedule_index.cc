#include "queued/spool/schedule_index.h"

#include <fmt/format.h>
#include <lmdb.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <unordered_map>

#include "libmailcore/ipc/wire.h"
#include "queued/spool/index_rows.h"

namespace ostler::spool {

namespace {

constexpr std::size_t kMapSize = std::size_t{16} << 30;  // sparse: address space, not disk
constexpr std::string_view kAppliedKey = "applied";
constexpr std::string_view kDestinationPrefix = "destination:";

/// Version of the tables; another one is made anew from the journal.
constexpr std::uint32_t kVersion = 4;

struct Applied {
  std::uint32_t version = kVersion;
  std::uint64_t replayFrom = 0;
  template <class V>
  void fields(V& v) {
    v(version, replayFrom);
  }
};

MDB_val toVal(std::string_view octets) { return {octets.size(), const_cast<char*>(octets.data())}; }
std::string_view toView(const MDB_val& val) { return {static_cast<const char*>(val.mv_data), val.mv_size}; }

tl::unexpected<Error> failLmdb(int code) {
  const bool full = code == ENOSPC || code == MDB_MAP_FULL;
  return fail(full ? Error::Kind::limit : Error::Kind::temporary, fmt::format("schedule index: {}", ::mdb_strerror(code)));
}

}  // namespace

namespace {

Message toMessage(const Id128& id, const StateView& row) {
  Message message;
  message.id = id;
  message.record = {row.segment, row.offset};
  message.contentOffset = row.contentOffset;
  message.size = row.size;
  message.arrived = row.arrived;
  message.hold = row.hold;
  message.large = row.large;
  message.delayTold = row.delayTold;
  message.grown = row.grown;
  if (row.expiresAt != WallTime{}) message.changeExtra().expiresAt = row.expiresAt;
  if (!row.movedTo.empty()) message.changeExtra().movedTo = row.movedTo;
  if (row.giveBackAt != WallTime{}) message.changeExtra().giveBackAt = row.giveBackAt;
  message.recipients.growTo(row.recipients.size());
  for (std::size_t at = 0; at < row.recipients.size(); ++at) {
    const StateView::Recipient& from = row.recipients[at];
    RecipientNow& to = message.recipients[at];
    to.state = from.state;
    to.attempts = from.attempts;
    to.due = from.due;
    to.hasReplyStored = !from.lastReply.empty();
  }
  return message;
}

}  // namespace

struct ScheduleIndex::Lmdb {
  MDB_env* env = nullptr;
  MDB_dbi states = 0;
  MDB_dbi packed = 0;
  MDB_dbi transcripts = 0;
  MDB_dbi filed = 0;
  MDB_dbi about = 0;
  ~Lmdb() {
    if (env != nullptr) ::mdb_env_close(env);
  }

  [[nodiscard]] int open(const std::string& folder) {
    int code = ::mdb_env_create(&env);
    if (code == 0) code = ::mdb_env_set_mapsize(env, kMapSize);
    if (code == 0) code = ::mdb_env_set_maxdbs(env, 5);
    if (code == 0) code = ::mdb_env_open(env, folder.c_str(), MDB_NOTLS | MDB_NORDAHEAD, 0600);
    MDB_txn* txn = nullptr;
    if (code == 0) code = ::mdb_txn_begin(env, nullptr, 0, &txn);
    if (code != 0) return code;
    if (code == 0) code = ::mdb_dbi_open(txn, "states", MDB_CREATE, &states);
    if (code == 0) code = ::mdb_dbi_open(txn, "packed", MDB_CREATE, &packed);
    if (code == 0) code = ::mdb_dbi_open(txn, "transcripts", MDB_CREATE, &transcripts);
    if (code == 0) code = ::mdb_dbi_open(txn, "filed", MDB_CREATE, &filed);
    if (code == 0) code = ::mdb_dbi_open(txn, "about", MDB_CREATE, &about);
    if (code == 0) return ::mdb_txn_commit(txn);
    ::mdb_txn_abort(txn);
    return code;
  }

  /// The table's rows from `key` on (empty: all) until `each` returns false, which it gives on. False, too: it cannot be read.
  template <class Each>
  [[nodiscard]] bool walk(MDB_dbi table, std::string_view key, Each&& each) const {
    MDB_txn* txn = nullptr;
    if (::mdb_txn_begin(env, nullptr, MDB_RDONLY, &txn) != 0) return false;
    MDB_cursor* cursor = nullptr;
    bool goesOn = ::mdb_cursor_open(txn, table, &cursor) == 0;
    MDB_val at = toVal(key);
    MDB_val value{};
    int code = goesOn ? ::mdb_cursor_get(cursor, &at, &value, key.empty() ? MDB_FIRST : MDB_SET_RANGE) : EINVAL;
    for (; code == 0 && goesOn; code = ::mdb_cursor_get(cursor, &at, &value, MDB_NEXT)) goesOn = each(toView(at), toView(value));
    if (cursor != nullptr) ::mdb_cursor_close(cursor);
    ::mdb_txn_abort(txn);
    return goesOn && code == MDB_NOTFOUND;
  }

  /// Rows into the queue. False: something in it is not of our form.
  [[nodiscard]] bool load(Queue& queue, std::uint64_t& replayFrom) const {
    bool hasApplied = false;
    const bool isKnown = walk(about, "", [&](std::string_view key, std::string_view value) {
      if (key == kAppliedKey) {
        const auto applied = ipc::decode<Applied>(value);
        hasApplied = applied && applied->version == kVersion;
        if (hasApplied) replayFrom = applied->replayFrom;
        return hasApplied;
      }
      if (!key.starts_with(kDestinationPrefix)) return false;
      queue.restoreDestination(std::string(key.substr(kDestinationPrefix.size())), value == "held" ? Hold::held : Hold::frozen);
      return true;
    });
    queue.reserve(count(states));
    StateView row;
    const bool areSound = walk(states, "", [&](std::string_view key, std::string_view value) {
      const std::optional<Id128> id = Id128::fromOctets(key);
      if (!id || !ipc::decodeInto(row, value)) return false;
      queue.restore(toMessage(*id, row));
      noteRead(value);
      return true;
    });
    letGoOfPages();
    return isKnown && areSound && (hasApplied || queue.messages().empty());
  }

  [[nodiscard]] std::size_t count(MDB_dbi table) const {
    MDB_txn* txn = nullptr;
    if (::mdb_txn_begin(env, nullptr, MDB_RDONLY, &txn) != 0) return 0;
    MDB_stat stat{};
    const int code = ::mdb_stat(txn, table, &stat);
    ::mdb_txn_abort(txn);
    return code == 0 ? stat.ms_entries : 0;
  }

  /// What was read is the page cache's business, not our memory. LMDB does not say where its map lies; what load() found lies in it,
  /// for its transaction writes nothing.
  void noteRead(std::string_view octets) const {
    constexpr std::uintptr_t kPage = 4096;
    const auto at = reinterpret_cast<std::uintptr_t>(octets.data()) / kPage * kPage;
    readFrom_ = readFrom_ == 0 ? at : std::min(readFrom_, at);
    readTo_ = std::max(readTo_, at + kPage);
  }
  void letGoOfPages() const {
    if (readTo_ > readFrom_) (void)::madvise(reinterpret_cast<void*>(readFrom_), readTo_ - readFrom_, MADV_DONTNEED);
  }
  mutable std::uintptr_t readFrom_ = 0;
  mutable std::uintptr_t readTo_ = 0;
};

namespace {

std::string_view storedOctets(MDB_txn* txn, MDB_dbi table, std::string_view id) {
  MDB_val key = toVal(id);
  MDB_val value{};
  return ::mdb_get(txn, table, &key, &value) == 0 ? toView(value) : std::string_view();
}

Transcripts storedTranscripts(MDB_txn* txn, MDB_dbi table, std::string_view id) {
  return ipc::decode<Transcripts>(storedOctets(txn, table, id)).value_or(Transcripts{});
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

Transcripts withThoseStored(MDB_txn* txn, MDB_dbi table, const ScheduleIndex::Changes::Row& row) {
  Transcripts kept = storedTranscripts(txn, table, row.id.octets());
  kept.all.insert(kept.all.end(), row.transcripts.begin(), row.transcripts.end());
  if (kept.all.size() > Transcript::kKept) kept.all.erase(kept.all.begin(), kept.all.end() - Transcript::kKept);
  return kept;
}

}  // namespace

ScheduleIndex::ScheduleIndex(std::unique_ptr<Lmdb> lmdb) : lmdb_(std::move(lmdb)) {}
ScheduleIndex::~ScheduleIndex() = default;

Result<LoadedIndex> ScheduleIndex::open(const std::string& folder, Queue& queue, const log::Log& log) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(Error::Kind::permanent, fmt::format("cannot make {}: {}", folder, std::strerror(errno)));
  }
  LoadedIndex loaded;
  auto lmdb = std::make_unique<Lmdb>();
  int code = lmdb->open(folder);
  if (code != 0 || !lmdb->load(queue, loaded.replayFrom)) {
    log.error("schedule-index-rebuilt", {{"reason", code != 0 ? ::mdb_strerror(code) : "a row of another form"}});
    queue = Queue();
    loaded.replayFrom = 0;
    lmdb = std::make_unique<Lmdb>();
    ::unlink((folder + "/data.mdb").c_str());
    ::unlink((folder + "/lock.mdb").c_str());
    code = lmdb->open(folder);
    if (code != 0) return fail(Error::Kind::permanent, fmt::format("schedule index {}: {}", folder, ::mdb_strerror(code)));
  }
  loaded.index = std::unique_ptr<ScheduleIndex>(new ScheduleIndex(std::move(lmdb)));
  queue.keepIn(loaded.index.get());
  return loaded;
}

ScheduleIndex::Changes::Row ScheduleIndex::toRow(const Message& message) {
  StateRow row;
  row.segment = message.record.segment;
  row.offset = message.record.offset;
  row.contentOffset = message.contentOffset;
  row.size = message.size;
  row.arrived = message.arrived;
  row.hold = message.hold;
  row.large = message.large;
  row.delayTold = message.delayTold;
  row.grown = message.grown;
  const Extra& extra = message.extra();
  if (extra.giveBackAt != WallTime::max()) row.giveBackAt = extra.giveBackAt;
  row.expiresAt = extra.expiresAt;
  row.movedTo = extra.movedTo;
  Changes::Row change;
  change.id = message.id;
  row.recipients.reserve(message.recipients.size());
  for (std::uint32_t at = 0; at < message.recipients.size(); ++at) {
    const RecipientNow& from = message.recipients[at];
    row.recipients.push_back({from.state, from.attempts, from.due, from.lastReply ? *from.lastReply : std::string()});
    if (from.hasReplyStored) change.asStored.push_back(at);
  }
  change.state = ipc::encode(row);
  change.packed = extra.packed;
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

Result<void> ScheduleIndex::commitAll(Queue& queue, std::uint64_t before, std::uint64_t replayFrom) {
  const std::vector<Id128> changed = queue.takeChanged();
  std::span<const Id128> left = changed;
  do {
    const std::span<const Id128> some = left.first(std::min(left.size(), kAtOnce));
    left = left.subspan(some.size());
    Changes changes;
    changes.destinations = queue.destinations();
    changes.replayFrom = left.empty() ? replayFrom : before;
    add(changes, queue, some);
    const Result<void> committed = commit(changes);
    if (!committed) return committed;
    queue.stored(some);
  } while (!left.empty());
  return {};
}

Result<void> ScheduleIndex::commit(const Changes& changes) {
  const Unfiled unfiled(changes);
  MDB_txn* txn = nullptr;
  int code = ::mdb_txn_begin(lmdb_->env, nullptr, 0, &txn);
  if (code != 0) return failLmdb(code);
  const auto put = [&](MDB_dbi table, std::string_view key, std::string_view value) {
    MDB_val k = toVal(key);
    MDB_val v = toVal(value);
    if (code == 0) code = ::mdb_put(txn, table, &k, &v, 0);
  };
  const auto remove = [&](MDB_dbi table, std::string_view key) {
    MDB_val k = toVal(key);
    if (code == 0) code = ::mdb_del(txn, table, &k, nullptr);
    if (code == MDB_NOTFOUND) code = 0;
  };
  // In the order of their keys, for then LMDB fills its pages.
  std::vector<const Changes::Row*> rows;
  for (const Changes::Row& row : changes.rows) rows.push_back(&row);
  std::ranges::sort(rows, {}, [](const Changes::Row* row) { return row->id; });
  std::vector<std::string> toFile;
  for (const Changes::Row* row : rows) {
    const std::string_view key = row->id.octets();
    const std::string_view stored = storedOctets(txn, lmdb_->states, key);
    std::optional<StateRow> before;
    if (!stored.empty()) before = ipc::decode<StateRow>(stored).value_or(StateRow());
    const bool hasEnded = row->state.empty();
    if (hasEnded && !before) continue;  // most were never stored: they came and went between two commits
    const std::string_view packed = unfiled.recordOf(*row);
    StateRow now = hasEnded ? StateRow() : merged(*row, packed, before);
    for (std::string& place : filedKeys(row->id, now.filed)) {
      if (!packed.empty()) toFile.push_back(std::move(place));
    }
    if (hasEnded) {
      for (const std::string& place : filedKeys(row->id, before->filed)) remove(lmdb_->filed, place);
      remove(lmdb_->states, key);
      remove(lmdb_->transcripts, key);
    } else {
      put(lmdb_->states, key, ipc::encode(now));
    }
    if (before && before->grown && !now.grown) remove(lmdb_->packed, key);
    if (now.grown && !row->packed.empty()) put(lmdb_->packed, key, row->packed);
    if (!row->transcripts.empty()) put(lmdb_->transcripts, key, ipc::encode(withThoseStored(txn, lmdb_->transcripts, *row)));
  }
  std::ranges::sort(toFile);
  for (const std::string& place : toFile) put(lmdb_->filed, place, "");
  std::vector<std::string> forgotten;
  (void)lmdb_->walk(lmdb_->about, kDestinationPrefix, [&](std::string_view key, std::string_view) {
    const bool isHold = key.starts_with(kDestinationPrefix);
    if (isHold && !changes.destinations.contains(std::string(key.substr(kDestinationPrefix.size())))) forgotten.emplace_back(key);
    return isHold;
  });
  for (const std::string& key : forgotten) remove(lmdb_->about, key);
  for (const auto& [key, hold] : changes.destinations) {
    put(lmdb_->about, std::string(kDestinationPrefix) + key, hold == Hold::held ? "held" : "frozen");
  }
  Applied applied;
  applied.replayFrom = changes.replayFrom;
  put(lmdb_->about, kAppliedKey, ipc::encode(applied));
  if (code != 0) {
    ::mdb_txn_abort(txn);
    return failLmdb(code);
  }
  code = ::mdb_txn_commit(txn);
  if (code != 0) return failLmdb(code);
  lmdb_->letGoOfPages();
  return {};
}

std::vector<Archive::Stored> ScheduleIndex::read(std::span<const Id128> ids) const {
  std::vector<Stored> all(ids.size());
  MDB_txn* txn = nullptr;
  if (::mdb_txn_begin(lmdb_->env, nullptr, MDB_RDONLY, &txn) != 0) return all;
  MDB_cursor* cursor = nullptr;
  const bool isOpen = ::mdb_cursor_open(txn, lmdb_->states, &cursor) == 0;
  StateView row;
  for (std::size_t at = 0; isOpen && at < ids.size(); ++at) {
    // A cursor finds what stands near the last one without a search from the root.
    MDB_val key = toVal(ids[at].octets());
    MDB_val value{};
    if (::mdb_cursor_get(cursor, &key, &value, MDB_SET) != 0 || !ipc::decodeInto(row, toView(value))) continue;
    for (const StateView::Recipient& recipient : row.recipients) all[at].replies.emplace_back(recipient.lastReply);
    if (row.grown) all[at].packed = storedOctets(txn, lmdb_->packed, ids[at].octets());
  }
  if (cursor != nullptr) ::mdb_cursor_close(cursor);
  ::mdb_txn_abort(txn);
  return all;
}

std::vector<Transcript> ScheduleIndex::transcriptsOf(const Id128& id) const {
  MDB_txn* txn = nullptr;
  if (::mdb_txn_begin(lmdb_->env, nullptr, MDB_RDONLY, &txn) != 0) return {};
  Transcripts stored = storedTranscripts(txn, lmdb_->transcripts, id.octets());
  ::mdb_txn_abort(txn);
  return std::move(stored.all);
}

std::vector<Id128> ScheduleIndex::idsAfter(const Id128& after, std::size_t most, const std::string& of) const {
  std::vector<Id128> ids;
  if (most == 0) return ids;
  const bool isWhole = lmdb_->walk(of.empty() ? lmdb_->states : lmdb_->filed, of + std::string(after.octets()), [&](std::string_view key, std::string_view) {
    if (!key.starts_with(of)) return false;
    const std::optional<Id128> id = Id128::fromOctets(key.substr(of.size()));
    if (id && *id > after) ids.push_back(*id);
    return ids.size() < most;
  });
  (void)isWhole;  // there may be more, and what cannot be read the next start finds
  return ids;
}

}  // namespace ostler::spool
