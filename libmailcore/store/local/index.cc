#include "libmailcore/store/local/index.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "libmailcore/lmdb/lmdb.h"

namespace ostler::store::local {
namespace {

constexpr std::size_t kMapSize = std::size_t{16} << 30;  // address space, not memory
constexpr unsigned kMaxReaders = 512;
constexpr std::size_t kReadersKept = 16;
constexpr std::uint64_t kWritesBetweenReaderChecks = 256;
constexpr std::uint64_t kMappedAtMost = 2 << 20;
constexpr const char* kTableNames[kTables] = {"state", "columns", "mail", "summary", "known", "subject"};

Error::Kind kindOf(int code) {
  switch (code) {
    case MDB_MAP_FULL:
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return Error::Kind::limit;
    case ENOENT:
    case MDB_NOTFOUND: return Error::Kind::notFound;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH: return Error::Kind::permanent;
    default: return Error::Kind::temporary;
  }
}

void check(int code, const char* what) {
  if (code != 0) throw IndexFailure(kindOf(code), std::string("index: ") + what + ": " + mdb_strerror(code));
}

MDB_val valueOf(std::string_view octets) { return {octets.size(), const_cast<char*>(octets.data())}; }

}  // namespace

Cursor::Cursor(const Txn& txn, Table table) {
  check(mdb_cursor_open(txn.txn_, txn.tables_[static_cast<std::size_t>(table)], &cursor_), "cursor");
}

bool Cursor::seek(std::string_view key) {
  key_ = valueOf(key);
  return move(MDB_SET_RANGE);
}

bool Cursor::move(MDB_cursor_op operation) {
  const int code = mdb_cursor_get(cursor_, &key_, &value_, operation);
  onPair_ = code == 0;
  if (code == MDB_NOTFOUND) return false;
  check(code, "cursor move");
  return true;
}

void Cursor::replace(std::string_view value) {
  const std::string where(key());  // a copy: LMDB moves the page's nodes before it reads the key
  MDB_val keyValue = valueOf(where);
  MDB_val data = valueOf(value);
  check(mdb_cursor_put(cursor_, &keyValue, &data, MDB_CURRENT), "replace");
}

bool Cursor::insert(std::string_view key, std::string_view value) {
  key_ = valueOf(key);
  value_ = valueOf(value);
  const int code = mdb_cursor_put(cursor_, &key_, &value_, MDB_NOOVERWRITE);
  if (code == MDB_KEYEXIST) {
    check(mdb_cursor_get(cursor_, &key_, &value_, MDB_GET_CURRENT), "insert");
    return false;
  }
  check(code, "insert");
  return true;
}

void Cursor::erase() { check(mdb_cursor_del(cursor_, 0), "erase"); }

std::optional<std::string_view> Txn::get(Table table, std::string_view key) const {
  MDB_val wanted = valueOf(key);
  MDB_val found{};
  const int code = mdb_get(txn_, tables_[static_cast<std::size_t>(table)], &wanted, &found);
  if (code == MDB_NOTFOUND) return std::nullopt;
  check(code, "get");
  return std::string_view(static_cast<const char*>(found.mv_data), found.mv_size);
}

void Txn::put(Table table, std::string_view key, std::string_view value) {
  MDB_val where = valueOf(key);
  MDB_val what = valueOf(value);
  check(mdb_put(txn_, tables_[static_cast<std::size_t>(table)], &where, &what, 0), "put");
}

void Txn::putBehind(Table table, std::string_view key, std::string_view value) {
  MDB_val where = valueOf(key);
  MDB_val what = valueOf(value);
  const int code = mdb_put(txn_, tables_[static_cast<std::size_t>(table)], &where, &what, MDB_APPEND);
  if (code == MDB_KEYEXIST) return put(table, key, value);  // it is not behind all others
  check(code, "put");
}

bool Txn::erase(Table table, std::string_view key) {
  MDB_val where = valueOf(key);
  const int code = mdb_del(txn_, tables_[static_cast<std::size_t>(table)], &where, nullptr);
  if (code == MDB_NOTFOUND) return false;
  check(code, "erase");
  return true;
}

void Txn::clear(Table table) { check(mdb_drop(txn_, tables_[static_cast<std::size_t>(table)], 0), "clear"); }

std::shared_ptr<Index> Index::open(const std::string& path, Mode mode) {
  std::shared_ptr<Index> index(new Index);
  check(mdb_env_create(&index->env_), "create");
  check(mdb_env_set_mapsize(index->env_, kMapSize), "map size");
  check(mdb_env_set_maxreaders(index->env_, kMaxReaders), "readers");
  check(mdb_env_set_maxdbs(index->env_, kTables), "tables");
  // NOMETASYNC: a power cut may take the last transaction away, and the log gives it back. Never NOSYNC: it could tear the tree.
  check(mdb_env_open(index->env_, path.c_str(), MDB_NOSUBDIR | MDB_NOMETASYNC | MDB_NOTLS, 0660), "open");
  if (lmdb::isCutOff(index->env_)) throw IndexFailure(Error::Kind::permanent, "index: it is shorter than it says; run `ostler mailbox rebuild`");
  int dead = 0;
  check(mdb_reader_check(index->env_, &dead), "stale readers");
  index->openTables(mode);
  return index;
}

void Index::openTables(Mode mode) {
  MDB_txn* txn = nullptr;
  const unsigned creates = mode == Mode::create ? MDB_CREATE : 0;
  check(mdb_txn_begin(env_, nullptr, mode == Mode::create ? 0 : MDB_RDONLY, &txn), "begin");
  int code = 0;
  for (std::size_t at = 0; at < kTables && code == 0; ++at) code = mdb_dbi_open(txn, kTableNames[at], creates, &tables_[at]);
  if (code == 0) code = mdb_txn_commit(std::exchange(txn, nullptr));
  if (txn != nullptr) mdb_txn_abort(txn);
  check(code, "open tables");
}

Index::~Index() {
  for (MDB_txn* const reader : readers_) mdb_txn_abort(reader);
  mdb_env_close(env_);
}

void Index::sync() { check(mdb_env_sync(env_, 1), "sync"); }

void Looked::operator+=(const Looked& other) {
  if (other.octets == 0) return;
  octets += other.octets;
  lowest = lowest == nullptr ? other.lowest : std::min(lowest, other.lowest);
  highest = std::max(highest, other.highest);
}

void Index::looked(const Looked& more) {
  Looked all;
  {
    const std::scoped_lock lock(mutex_);
    looked_ += more;
    if (looked_.octets < kMappedAtMost) return;
    all = std::exchange(looked_, {});
  }
  // Both ends lie in the map, which is of the file and not written through: nothing is lost, only unmapped until it is touched again.
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto from = reinterpret_cast<std::uintptr_t>(all.lowest) / page * page;
  ::madvise(reinterpret_cast<void*>(from), reinterpret_cast<std::uintptr_t>(all.highest) - from, MADV_DONTNEED);
}

MDB_txn* Index::takeReader() {
  MDB_txn* reader = nullptr;
  {
    const std::scoped_lock lock(mutex_);
    if (!readers_.empty()) {
      reader = readers_.back();
      readers_.pop_back();
    }
  }
  // Renewing takes no lock that another process may hold while it is stopped.
  if (reader != nullptr) return check(mdb_txn_renew(reader), "renew"), reader;
  int code = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &reader);
  if (code == MDB_READERS_FULL) {
    int dead = 0;
    check(mdb_reader_check(env_, &dead), "stale readers");
    code = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &reader);
  }
  check(code, "begin to read");
  return reader;
}

void Index::giveReader(MDB_txn* reader) {
  mdb_txn_reset(reader);
  const std::scoped_lock lock(mutex_);
  if (readers_.size() < kReadersKept) return readers_.push_back(reader);
  mdb_txn_abort(reader);
}

Index::Read::Read(std::shared_ptr<Index> index) : Txn(index->tables_), index_(std::move(index)) { txn_ = index_->takeReader(); }

Index::Read::~Read() { index_->giveReader(txn_); }

void Index::Read::renew() {
  mdb_txn_reset(txn_);
  check(mdb_txn_renew(txn_), "renew");
}

Index::Write::Write(std::shared_ptr<Index> index) : Txn(index->tables_), index_(std::move(index)) {
  int dead = 0;  // pages that a killed reader saw cannot be used again before somebody finds it dead
  if (++index_->writes_ % kWritesBetweenReaderChecks == 0) check(mdb_reader_check(index_->env_, &dead), "stale readers");
  check(mdb_txn_begin(index_->env_, nullptr, 0, &txn_), "begin to write");
}

Index::Write::~Write() {
  if (txn_ != nullptr) mdb_txn_abort(txn_);
}

void Index::Write::commit() { check(mdb_txn_commit(std::exchange(txn_, nullptr)), "commit"); }

}  // namespace ostler::store::local
