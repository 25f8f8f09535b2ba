// index.h - index.mdb: LMDB behind transactions that cannot leak, and the keys and values of its tables.
// Is not: who may change it; apply.h alone does.
// Failures of LMDB and damaged values are thrown as IndexFailure and become a Result once, at the top of each job (guarded()):
// on a sound machine they do not happen, and the code that walks over chunks reads better without them.
#pragma once

#include <lmdb.h>

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/base/result.h"
#include "libmailcore/journal/segment.h"
#include "libmailcore/store/local/log_records.h"

namespace ostler::store::local {

struct IndexFailure : std::runtime_error {
  IndexFailure(Error::Kind k, const std::string& what) : std::runtime_error(what), kind(k) {}
  Error::Kind kind;
};
[[noreturn]] inline void raise(const Error& error) { throw IndexFailure(error.kind, error.detail); }
/// Runs a job that returns a Result<T> and may throw IndexFailure.
template <class Job>
auto guarded(Job&& job) -> decltype(job()) {
  try {
    return job();
  } catch (const IndexFailure& failure) {
    return fail(failure.kind, failure.what());
  }
}

/// state: the account and its mailboxes, few rows that every change touches; columns: chunks of mailboxes; mail: one row per email id;
/// subject, summary: what SEARCH asks for, one row per email id, apart from mail and from each other so that a search walks over few
/// octets; known: what is looked up by a hash or an id, and grows with the mail: apart from state so that an append costs the same in an
/// account of any size.
enum class Table : std::uint8_t { state = 0, columns = 1, mail = 2, summary = 3, known = 4, subject = 5 };
inline constexpr std::size_t kTables = 6;

/// Octets of the map that a reader looked at: how many, and between which addresses.
struct Looked {
  std::uint64_t octets = 0;
  const char* lowest = nullptr;
  const char* highest = nullptr;
  void at(std::string_view value) {
    octets += value.size();
    if (lowest == nullptr || value.data() < lowest) lowest = value.data();
    if (value.data() + value.size() > highest) highest = value.data() + value.size();
  }
  void operator+=(const Looked& other);
};

class Txn;

/// Walks over one table in key order. Lives inside its transaction.
class Cursor {
 public:
  Cursor(const Txn& txn, Table table);
  ~Cursor() { mdb_cursor_close(cursor_); }
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  bool first() { return move(MDB_FIRST); }
  bool seek(std::string_view key);  ///< to the first key >= `key`; false: there is none
  bool next() { return move(MDB_NEXT); }
  bool previous() { return move(MDB_PREV); }
  bool last() { return move(MDB_LAST); }
  void replace(std::string_view value);  ///< of the pair it stands on
  bool insert(std::string_view key, std::string_view value);  ///< false: there is one of that key, on which it stands now
  void erase();                          ///< the pair it stands on; seek() before anything else
  [[nodiscard]] bool isOnPair() const { return onPair_; }
  [[nodiscard]] std::string_view key() const { return {static_cast<const char*>(key_.mv_data), key_.mv_size}; }
  [[nodiscard]] std::string_view value() const { return {static_cast<const char*>(value_.mv_data), value_.mv_size}; }

 private:
  bool move(MDB_cursor_op operation);
  MDB_cursor* cursor_ = nullptr;
  MDB_val key_{};
  MDB_val value_{};
  bool onPair_ = false;
};

/// A transaction: views that it gives are valid until it ends, or until the next put or erase when it writes.
class Txn {
 public:
  [[nodiscard]] std::optional<std::string_view> get(Table table, std::string_view key) const;
  void put(Table table, std::string_view key, std::string_view value);
  /// As put(), for keys that mostly come in ascending order: one behind all others costs no search, and pages are filled to the end.
  void putBehind(Table table, std::string_view key, std::string_view value);
  bool erase(Table table, std::string_view key);
  void clear(Table table);

 protected:
  friend class Cursor;
  friend class Index;
  explicit Txn(const std::array<MDB_dbi, kTables>& tables) : tables_(tables) {}
  MDB_txn* txn_ = nullptr;
  std::array<MDB_dbi, kTables> tables_;
};

/// One environment, of one path, in this process. Any thread.
class Index : public std::enable_shared_from_this<Index> {
 public:
  enum class Mode { open, create };
  /// `path`: of the file; "/proc/self/fd/N/index.mdb" is one. Throws IndexFailure: notFound when it is not there or has no tables yet
  /// (mode open), permanent when it is no database of this format.
  [[nodiscard]] static std::shared_ptr<Index> open(const std::string& path, Mode mode);
  ~Index();
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;

  class Read final : public Txn {
   public:
    explicit Read(std::shared_ptr<Index> index);
    ~Read();
    Read(const Read&) = delete;
    Read& operator=(const Read&) = delete;
    void renew();  ///< sees what was committed since; earlier views and cursors are dead

   private:
    std::shared_ptr<Index> index_;
  };
  class Write final : public Txn {
   public:
    /// REQUIRES: the account's lock is held; so it never waits for another process.
    explicit Write(std::shared_ptr<Index> index);
    ~Write();
    Write(const Write&) = delete;
    Write& operator=(const Write&) = delete;
    void commit();

   private:
    std::shared_ptr<Index> index_;
  };
  /// Everything committed so far survives a power cut from here on.
  void sync();
  /// Tells what was looked at. Every few MiB the process gives up what it has mapped in between, so that going through a large mailbox
  /// does not make it large; the page cache keeps the pages, and whoever reads them next gets them back without I/O.
  void looked(const Looked& more);

 private:
  Index() = default;
  void openTables(Mode mode);
  [[nodiscard]] MDB_txn* takeReader();
  void giveReader(MDB_txn* reader);

  MDB_env* env_ = nullptr;
  std::array<MDB_dbi, kTables> tables_{};
  std::uint64_t writes_ = 0;  // touched under the account's lock
  std::mutex mutex_;
  std::vector<MDB_txn*> readers_;  // reset, ready to be renewed
  Looked looked_;                  // since the process last gave something up
};

}  // namespace ostler::store::local
