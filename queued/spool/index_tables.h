// index_tables.h - IndexTables: the schedule index's tables in LMDB, and transactions that end with their scope.
// Is not: what stands in them; see schedule_index.h and index_rows.h.
#pragma once

#include <lmdb.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "libmailcore/base/result.h"

namespace ostler::spool {

/// What is read points into the map: it is valid until the transaction ends, or writes.
class IndexTables {
 public:
  /// Errors: permanent.
  [[nodiscard]] static Result<std::unique_ptr<IndexTables>> open(const std::string& folder);
  ~IndexTables();
  IndexTables(const IndexTables&) = delete;
  IndexTables& operator=(const IndexTables&) = delete;

  MDB_dbi states = 0;
  MDB_dbi packed = 0;
  MDB_dbi transcripts = 0;
  MDB_dbi filed = 0;
  MDB_dbi about = 0;

  class Transaction;
  class Writing;
  class Cursor;

  /// What was read is the page cache's business, not our memory. LMDB does not say where its map lies; what a transaction that writes
  /// nothing has found lies in it.
  void noteRead(std::string_view octets);
  void letGoOfPages() const;

 private:
  IndexTables() = default;
  [[nodiscard]] int openIn(const std::string& folder);
  MDB_env* env_ = nullptr;
  std::uintptr_t readFrom_ = 0;
  std::uintptr_t readTo_ = 0;
};

/// For reading. One that cannot begin finds nothing.
class IndexTables::Transaction {
 public:
  explicit Transaction(const IndexTables& tables) : Transaction(tables, MDB_RDONLY) {}
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  /// Empty: not there.
  [[nodiscard]] std::string_view get(MDB_dbi table, std::string_view key) const;
  [[nodiscard]] std::size_t count(MDB_dbi table) const;
  /// The table's rows from `key` on (empty: all) until each(key, value) returns false, which it gives on. False, too: it cannot be read.
  template <class Each>
  [[nodiscard]] bool walk(MDB_dbi table, std::string_view key, Each&& each) const;

 protected:
  Transaction(const IndexTables& tables, unsigned flags);
  friend class IndexTables::Cursor;
  MDB_txn* txn_ = nullptr;
  int code_ = 0;  // of what failed first
};

/// After something failed nothing more is done, and commit() says what it was.
class IndexTables::Writing : public Transaction {
 public:
  explicit Writing(const IndexTables& tables) : Transaction(tables, 0) {}
  void put(MDB_dbi table, std::string_view key, std::string_view value);
  void remove(MDB_dbi table, std::string_view key);
  /// Synced when this returns. Errors: temporary, limit: nothing was changed.
  [[nodiscard]] Result<void> commit();
};

/// Stands at a row of a table. What stands near the last one it finds without a search from the root.
class IndexTables::Cursor {
 public:
  Cursor(const Transaction& transaction, MDB_dbi table);
  ~Cursor();
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;
  /// To the row of this key. False: not there.
  [[nodiscard]] bool to(std::string_view key) { return move(key, MDB_SET); }
  /// To the first row from this key on (empty: of all). False: there is none.
  [[nodiscard]] bool toFirst(std::string_view from) { return move(from, from.empty() ? MDB_FIRST : MDB_SET_RANGE); }
  [[nodiscard]] bool next() { return move({}, MDB_NEXT); }
  [[nodiscard]] std::string_view key() const { return {static_cast<const char*>(key_.mv_data), key_.mv_size}; }
  [[nodiscard]] std::string_view value() const { return {static_cast<const char*>(value_.mv_data), value_.mv_size}; }
  /// Did it stop because there are no more rows?
  [[nodiscard]] bool isAtEnd() const { return code_ == MDB_NOTFOUND; }

 private:
  [[nodiscard]] bool move(std::string_view key, MDB_cursor_op how);
  MDB_cursor* cursor_ = nullptr;
  MDB_val key_{};
  MDB_val value_{};
  int code_ = 0;
};

template <class Each>
bool IndexTables::Transaction::walk(MDB_dbi table, std::string_view key, Each&& each) const {
  Cursor cursor(*this, table);
  bool goesOn = true;
  for (bool isThere = cursor.toFirst(key); isThere && goesOn; isThere = cursor.next()) goesOn = each(cursor.key(), cursor.value());
  return goesOn && cursor.isAtEnd();
}

}  // namespace ostler::spool
