#include "queued/spool/schedule_index.h"

#include <fmt/format.h>
#include <lmdb.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "libmailcore/ipc/wire.h"

namespace ostler::spool {

namespace {

constexpr std::size_t kMapSize = std::size_t{16} << 30;  // sparse: address space, not disk
constexpr std::string_view kAppliedKey = "applied";
constexpr std::string_view kDestinationPrefix = "destination:";

/// A row: where the message lies, and its whole record with the states of its recipients.
struct Row {
  std::uint64_t segment = 0, offset = 0, contentSegment = 0, contentOffset = 0;
  std::string packed;
  template <class V>
  void fields(V& v) {
    v(segment, offset, contentSegment, contentOffset, packed);
  }
};

struct Applied {
  std::uint32_t version = kRecordsVersion;
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

struct ScheduleIndex::Lmdb {
  MDB_env* env = nullptr;
  MDB_dbi table = 0;
  ~Lmdb() {
    if (env != nullptr) ::mdb_env_close(env);
  }

  [[nodiscard]] int open(const std::string& folder) {
    int code = ::mdb_env_create(&env);
    if (code == 0) code = ::mdb_env_set_mapsize(env, kMapSize);
    if (code == 0) code = ::mdb_env_open(env, folder.c_str(), MDB_NOTLS | MDB_NORDAHEAD, 0600);
    MDB_txn* txn = nullptr;
    if (code == 0) code = ::mdb_txn_begin(env, nullptr, 0, &txn);
    if (code != 0) return code;
    code = ::mdb_dbi_open(txn, nullptr, 0, &table);
    if (code != 0) {
      ::mdb_txn_abort(txn);
      return code;
    }
    return ::mdb_txn_commit(txn);
  }

  /// Rows into the queue. False: something in it is not of our form.
  [[nodiscard]] bool load(Queue& queue, std::uint64_t& replayFrom) const {
    MDB_txn* txn = nullptr;
    if (::mdb_txn_begin(env, nullptr, MDB_RDONLY, &txn) != 0) return false;
    MDB_cursor* cursor = nullptr;
    bool sound = ::mdb_cursor_open(txn, table, &cursor) == 0;
    MDB_val key{};
    MDB_val value{};
    bool hasRows = false;
    bool hasApplied = false;
    while (sound && ::mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
      if (toView(key) == kAppliedKey) {
        const auto applied = ipc::decode<Applied>(toView(value));
        sound = applied && applied->version == kRecordsVersion;
        if (sound) replayFrom = applied->replayFrom;
        hasApplied = sound;
      } else if (toView(key).starts_with(kDestinationPrefix)) {
        const bool held = toView(value) == "held";
        queue.restoreDestination(std::string(toView(key).substr(kDestinationPrefix.size())), held ? Hold::held : Hold::frozen);
      } else {
        hasRows = true;
        sound = loadRow(queue, toView(value));
      }
    }
    if (cursor != nullptr) ::mdb_cursor_close(cursor);
    ::mdb_txn_abort(txn);
    return sound && (hasApplied || !hasRows);
  }

  [[nodiscard]] static bool loadRow(Queue& queue, std::string_view octets) {
    auto row = ipc::decode<Row>(octets);
    if (!row) return false;
    const auto record = ipc::decode<MessageRecord>(row->packed);
    if (!record) return false;
    queue.restore(*record, std::move(row->packed), {row->segment, row->offset}, {row->contentSegment, row->contentOffset});
    return true;
  }
};

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
  return loaded;
}

std::string ScheduleIndex::toRow(const Message& message) {
  Row row;
  row.segment = message.record.segment;
  row.offset = message.record.offset;
  row.contentSegment = message.content.segment;
  row.contentOffset = message.content.offset;
  row.packed = ipc::encode(Queue::unpack(message));
  return ipc::encode(row);
}

Result<void> ScheduleIndex::commit(const Changes& changes) {
  MDB_txn* txn = nullptr;
  int code = ::mdb_txn_begin(lmdb_->env, nullptr, 0, &txn);
  if (code != 0) return failLmdb(code);
  const auto put = [&](std::string_view key, std::string_view value) {
    MDB_val k = toVal(key);
    MDB_val v = toVal(value);
    if (code == 0) code = ::mdb_put(txn, lmdb_->table, &k, &v, 0);
  };
  const auto remove = [&](std::string_view key) {
    MDB_val k = toVal(key);
    if (code == 0) code = ::mdb_del(txn, lmdb_->table, &k, nullptr);
    if (code == MDB_NOTFOUND) code = 0;
  };
  for (const auto& [id, row] : changes.rows) row ? put(id.octets(), *row) : remove(id.octets());
  for (const auto& [key, hold] : changes.destinations) {
    const std::string name = std::string(kDestinationPrefix) + key;
    hold == Hold::none ? remove(name) : put(name, hold == Hold::held ? "held" : "frozen");
  }
  Applied applied;
  applied.replayFrom = changes.replayFrom;
  put(kAppliedKey, ipc::encode(applied));
  if (code != 0) {
    ::mdb_txn_abort(txn);
    return failLmdb(code);
  }
  code = ::mdb_txn_commit(txn);
  if (code != 0) return failLmdb(code);
  return {};
}

}  // namespace ostler::spool
