#include "libmailcore/lmdb/lmdb.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace ostler::lmdb {

namespace {
constexpr std::size_t kMapOctets = std::size_t{16} << 30;  // sparse: costs addresses, not memory
constexpr unsigned kMostReaders = 512;
MDB_val valueOf(std::string_view text) {
  return {text.size(), const_cast<char*>(text.data())};
}
}  // namespace

tl::unexpected<Error> errorOf(int code, const std::string& what) {
  Error::Kind kind = Error::Kind::temporary;
  std::string remedy;
  if (code == EACCES || code == EPERM || code == EROFS) {
    kind = Error::Kind::denied;
    remedy = "; run as root or as the suite's user";
  } else if (isDamage(code)) {
    kind = Error::Kind::permanent;
    remedy = "; restore the file from a backup";
  } else if (code == MDB_READERS_FULL) {
    remedy = "; too many processes read it at once";
  } else if (code == ENOSPC) {
    remedy = "; free some disk space";
  }
  return fail(kind, "directory: " + what + ": " + mdb_strerror(code) + remedy);
}

bool isCutOff(MDB_env* env) {
  MDB_envinfo info{};
  MDB_stat about{};
  int fd = -1;
  struct stat file{};
  const bool isKnown = mdb_env_info(env, &info) == 0 && mdb_env_stat(env, &about) == 0 && mdb_env_get_fd(env, &fd) == 0 && ::fstat(fd, &file) == 0;
  return isKnown && static_cast<std::size_t>(file.st_size) < (info.me_last_pgno + 1) * about.ms_psize;
}

Result<void> Transaction::commit() {
  const int code = mdb_txn_commit(std::exchange(txn_, nullptr));
  if (code != 0) return errorOf(code, "commit");
  return {};
}

Result<std::optional<std::string_view>> Transaction::get(MDB_dbi table, std::string_view key) const {
  MDB_val keyValue = valueOf(key);
  MDB_val value{};
  const int code = mdb_get(txn_, table, &keyValue, &value);
  if (code == MDB_NOTFOUND || code == MDB_BAD_VALSIZE)
    return std::optional<std::string_view>{};  // a key longer than any
  if (code != 0) return errorOf(code, "read");
  return std::optional(std::string_view(static_cast<const char*>(value.mv_data), value.mv_size));
}

Result<void> Transaction::put(MDB_dbi table, std::string_view key, std::string_view value) {
  MDB_val keyValue = valueOf(key);
  MDB_val content = valueOf(value);
  const int code = mdb_put(txn_, table, &keyValue, &content, 0);
  if (code != 0) return errorOf(code, "write");
  return {};
}

Result<bool> Transaction::erase(MDB_dbi table, std::string_view key) {
  MDB_val keyValue = valueOf(key);
  const int code = mdb_del(txn_, table, &keyValue, nullptr);
  if (code == MDB_NOTFOUND) return false;
  if (code != 0) return errorOf(code, "erase");
  return true;
}

Cursor::Cursor(const Transaction& transaction, MDB_dbi table, std::string_view prefix) : prefix_(prefix) {
  error_ = mdb_cursor_open(transaction.get(), table, &cursor_);
}

Cursor::~Cursor() {
  if (cursor_ != nullptr) mdb_cursor_close(cursor_);
}

bool Cursor::next() {
  if (error_ != 0) return false;
  int code = 0;
  if (started_) {
    code = mdb_cursor_get(cursor_, &key_, &value_, MDB_NEXT);
  } else {
    key_ = valueOf(prefix_);
    code = mdb_cursor_get(cursor_, &key_, &value_, prefix_.empty() ? MDB_FIRST : MDB_SET_RANGE);
    started_ = true;
  }
  if (code != 0 && code != MDB_NOTFOUND) error_ = code;
  return code == 0 && key().substr(0, prefix_.size()) == prefix_;
}

Result<Environment> Environment::open(const std::string& folder, unsigned tables, const char* file) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return errorOf(errno, folder);
  MDB_env* env = nullptr;
  int code = mdb_env_create(&env);
  if (code != 0) return errorOf(code, "create");
  Environment made(env, folder + "/" + file);
  mdb_env_set_maxdbs(env, tables);
  mdb_env_set_maxreaders(env, kMostReaders);
  mdb_env_set_mapsize(env, kMapOctets);
  code = mdb_env_open(env, made.path_.c_str(), MDB_NOSUBDIR | MDB_NOTLS, 0600);
  if (code == 0 && isCutOff(env)) code = MDB_CORRUPTED;
  if (code != 0) return errorOf(code, made.path_);
  int dead = 0;
  (void)mdb_reader_check(env, &dead);  // slots of processes that were killed
  return made;
}

Result<Transaction> Environment::begin(unsigned flags) const {
  MDB_txn* txn = nullptr;
  int code = mdb_txn_begin(env_, nullptr, flags, &txn);
  if (code == MDB_READERS_FULL) {
    int dead = 0;
    (void)mdb_reader_check(env_, &dead);
    if (dead > 0) code = mdb_txn_begin(env_, nullptr, flags, &txn);
  }
  if (code != 0) return errorOf(code, path_);
  return Transaction(txn);
}

Result<MDB_dbi> Environment::table(const Transaction& transaction, const char* name) const {
  MDB_dbi table = 0;
  const int code = mdb_dbi_open(transaction.get(), name, MDB_CREATE, &table);
  if (code != 0) return errorOf(code, path_ + ": table " + name);
  return table;
}

std::uint64_t Environment::version() const {
  MDB_envinfo info{};
  (void)mdb_env_info(env_, &info);
  return info.me_last_txnid;
}

}  // namespace ostler::lmdb
