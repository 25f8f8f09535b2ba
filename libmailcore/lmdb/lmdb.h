// lmdb.h - the little of LMDB that we need: an environment, transactions that end with their scope, tables
// by name. Rules: one environment per path per process, MDB_NOTLS, full sync, nothing points into the map once its
// transaction is over.
#pragma once

#include <lmdb.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "libmailcore/base/result.h"

namespace ostler::lmdb {

/// An error of LMDB in words: what, where, and what to do about it.
[[nodiscard]] tl::unexpected<Error> errorOf(int code, const std::string& what);

/// Is the file of an open environment shorter than it says of itself? A look at what is missing would end the process (SIGBUS).
[[nodiscard]] bool isCutOff(MDB_env* env);

/// Is it the content that is at fault, so that no later try will do better?
[[nodiscard]] inline bool isDamage(int code) {
  return code == MDB_CORRUPTED || code == MDB_PAGE_NOTFOUND || code == MDB_INVALID || code == MDB_VERSION_MISMATCH || code == MDB_INCOMPATIBLE ||
         code == MDB_PANIC;
}

class Transaction {
 public:
  explicit Transaction(MDB_txn* txn) : txn_(txn) {}
  Transaction(Transaction&& other) noexcept : txn_(std::exchange(other.txn_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction() {
    if (txn_ != nullptr) mdb_txn_abort(txn_);
  }
  [[nodiscard]] MDB_txn* get() const { return txn_; }
  /// Synced when this returns.
  [[nodiscard]] Result<void> commit();

  /// The value, valid until the transaction ends or writes. An empty optional: no such key.
  [[nodiscard]] Result<std::optional<std::string_view>> get(MDB_dbi table, std::string_view key) const;
  [[nodiscard]] Result<void> put(MDB_dbi table, std::string_view key, std::string_view value);
  /// False: there was no such key.
  [[nodiscard]] Result<bool> erase(MDB_dbi table, std::string_view key);

 private:
  MDB_txn* txn_;
};

/// Goes over the keys of a table that start with a prefix, in order.
class Cursor {
 public:
  Cursor(const Transaction& transaction, MDB_dbi table, std::string_view prefix);
  ~Cursor();
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;
  /// False: there are no more, or LMDB failed (error() tells).
  [[nodiscard]] bool next();
  [[nodiscard]] std::string_view key() const { return {static_cast<const char*>(key_.mv_data), key_.mv_size}; }
  [[nodiscard]] std::string_view value() const { return {static_cast<const char*>(value_.mv_data), value_.mv_size}; }
  [[nodiscard]] int error() const { return error_; }

 private:
  MDB_cursor* cursor_ = nullptr;
  std::string prefix_;
  MDB_val key_{};
  MDB_val value_{};
  bool started_ = false;
  int error_ = 0;
};

class Environment {
 public:
  /// Opens FOLDER/FILE, made at need (0700 and 0600). Errors: temporary, denied; permanent: it is damaged.
  [[nodiscard]] static Result<Environment> open(const std::string& folder, unsigned tables, const char* file = "directory.mdb");
  Environment(Environment&& other) noexcept : env_(std::exchange(other.env_, nullptr)), path_(std::move(other.path_)) {}
  Environment& operator=(Environment&&) = delete;
  ~Environment() {
    if (env_ != nullptr) mdb_env_close(env_);
  }
  [[nodiscard]] Result<Transaction> read() const { return begin(MDB_RDONLY); }
  /// Waits for other writers, of other processes too.
  [[nodiscard]] Result<Transaction> write() const { return begin(0); }
  [[nodiscard]] Result<MDB_dbi> table(const Transaction& transaction, const char* name) const;
  /// The number of the last committed transaction, of any process: who remembers it knows whether anything has changed
  /// since.
  [[nodiscard]] std::uint64_t version() const;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  Environment(MDB_env* env, std::string path) : env_(env), path_(std::move(path)) {}
  [[nodiscard]] Result<Transaction> begin(unsigned flags) const;
  MDB_env* env_;
  std::string path_;
};

}  // namespace ostler::lmdb
