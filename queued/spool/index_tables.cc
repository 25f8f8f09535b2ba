#include "queued/spool/index_tables.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "libmailcore/lmdb/lmdb.h"

namespace ostler::spool {

namespace {

constexpr std::size_t kMapSize = std::size_t{16} << 30;  // sparse: address space, not disk

MDB_val toVal(std::string_view octets) { return {octets.size(), const_cast<char*>(octets.data())}; }

}  // namespace

Result<std::unique_ptr<IndexTables>> IndexTables::open(const std::string& folder) {
  std::unique_ptr<IndexTables> tables(new IndexTables());
  const int code = tables->openIn(folder);
  if (code != 0) return fail(Error::Kind::permanent, fmt::format("schedule index {}: {}", folder, ::mdb_strerror(code)));
  return tables;
}

IndexTables::~IndexTables() {
  if (env_ != nullptr) ::mdb_env_close(env_);
}

int IndexTables::openIn(const std::string& folder) {
  const std::array<std::pair<const char*, MDB_dbi*>, 5> named = {
      {{"states", &states}, {"packed", &packed}, {"transcripts", &transcripts}, {"filed", &filed}, {"about", &about}}};
  int code = ::mdb_env_create(&env_);
  if (code == 0) code = ::mdb_env_set_mapsize(env_, kMapSize);
  if (code == 0) code = ::mdb_env_set_maxdbs(env_, named.size());
  if (code == 0) code = ::mdb_env_open(env_, folder.c_str(), MDB_NOTLS | MDB_NORDAHEAD, 0600);
  if (code == 0 && lmdb::isCutOff(env_)) code = MDB_CORRUPTED;
  MDB_txn* txn = nullptr;
  if (code == 0) code = ::mdb_txn_begin(env_, nullptr, 0, &txn);
  if (code != 0) return code;
  for (const auto& [name, table] : named) {
    if (code == 0) code = ::mdb_dbi_open(txn, name, MDB_CREATE, table);
  }
  if (code == 0) return ::mdb_txn_commit(txn);
  ::mdb_txn_abort(txn);
  return code;
}

void IndexTables::noteRead(std::string_view octets) {
  constexpr std::uintptr_t kPage = 4096;
  const auto at = reinterpret_cast<std::uintptr_t>(octets.data()) / kPage * kPage;
  readFrom_ = readFrom_ == 0 ? at : std::min(readFrom_, at);
  readTo_ = std::max(readTo_, at + kPage);
}

void IndexTables::letGoOfPages() const {
  if (readTo_ > readFrom_) (void)::madvise(reinterpret_cast<void*>(readFrom_), readTo_ - readFrom_, MADV_DONTNEED);
}

IndexTables::Transaction::Transaction(const IndexTables& tables, unsigned flags) : code_(::mdb_txn_begin(tables.env_, nullptr, flags, &txn_)) {
  if (code_ != 0) txn_ = nullptr;
}

IndexTables::Transaction::~Transaction() {
  if (txn_ != nullptr) ::mdb_txn_abort(txn_);
}

std::string_view IndexTables::Transaction::get(MDB_dbi table, std::string_view key) const {
  MDB_val at = toVal(key);
  MDB_val value{};
  if (txn_ == nullptr || ::mdb_get(txn_, table, &at, &value) != 0) return {};
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

std::size_t IndexTables::Transaction::count(MDB_dbi table) const {
  MDB_stat stat{};
  return txn_ != nullptr && ::mdb_stat(txn_, table, &stat) == 0 ? stat.ms_entries : 0;
}

void IndexTables::Writing::put(MDB_dbi table, std::string_view key, std::string_view value) {
  MDB_val at = toVal(key);
  MDB_val what = toVal(value);
  if (code_ == 0) code_ = ::mdb_put(txn_, table, &at, &what, 0);
}

void IndexTables::Writing::remove(MDB_dbi table, std::string_view key) {
  MDB_val at = toVal(key);
  if (code_ == 0) code_ = ::mdb_del(txn_, table, &at, nullptr);
  if (code_ == MDB_NOTFOUND) code_ = 0;
}

Result<void> IndexTables::Writing::commit() {
  if (code_ == 0) code_ = ::mdb_txn_commit(std::exchange(txn_, nullptr));
  if (code_ == 0) return {};
  const bool isFull = code_ == ENOSPC || code_ == MDB_MAP_FULL;
  return fail(isFull ? Error::Kind::limit : Error::Kind::temporary, fmt::format("schedule index: {}", ::mdb_strerror(code_)));
}

IndexTables::Cursor::Cursor(const Transaction& transaction, MDB_dbi table)
    : code_(transaction.txn_ == nullptr ? transaction.code_ : ::mdb_cursor_open(transaction.txn_, table, &cursor_)) {}

IndexTables::Cursor::~Cursor() {
  if (cursor_ != nullptr) ::mdb_cursor_close(cursor_);
}

bool IndexTables::Cursor::move(std::string_view key, MDB_cursor_op how) {
  if (cursor_ == nullptr) return false;
  key_ = toVal(key);
  code_ = ::mdb_cursor_get(cursor_, &key_, &value_, how);
  return code_ == 0;
}

}  // namespace ostler::spool
