// apply.h - what a log record does to the index. The only code that changes the index: commit, roll-forward and rebuild all come
// through here, and what it does depends on the index and the record alone, so that all three give the same bytes.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "libmailcore/store/columns.h"
#include "libmailcore/store/local/chunk.h"
#include "libmailcore/store/local/index.h"
#include "libmailcore/store/local/rows.h"

namespace ostler::store::local {

inline constexpr std::uint64_t kHistoryEntries = 4096;      ///< expunges remembered in each mailbox
inline constexpr std::uint64_t kDeliveriesKept = 100'000;   ///< delivery ids remembered
inline constexpr std::size_t kPreparedKept = 64 * 1024;     ///< octets of prepared columns; more is rendered on demand

/// Works inside one write transaction. Throws IndexFailure. One thread.
class Apply {
 public:
  /// The octets of an arrival that are not in its record (kind file). Empty where they cannot be read.
  using ReadFile = std::function<std::string(const Arrival&)>;
  Apply(Txn& txn, ReadFile readFile);

  /// Columns that were made already for a message whose arrival will come; only saves work.
  void hint(const EmailId& id, std::shared_ptr<const PreparedColumns> columns) { hints_[id] = std::move(columns); }
  void record(const LogRecord& record, journal::Position at, std::uint64_t contentLength);
  /// Columns of a message made by the renderer of today, where those it has are of an older one. No record says so: a rebuild makes the same.
  void renew(const EmailId& id, const PreparedColumns& columns);
  [[nodiscard]] bool hasRenewed() const { return hasRenewed_; }
  /// Everything goes into the transaction, with the place in the log that it stands for.
  void finish(const journal::LogEnd& end);

  // What a planner looks at: the state with all records so far.
  [[nodiscard]] const Txn& txn() const { return txn_; }
  [[nodiscard]] const AccountRow& account() const { return account_; }
  [[nodiscard]] const MailboxRow* mailbox(MailboxNumber number);
  [[nodiscard]] const MailboxRow* mailbox(const MailboxId& id);
  [[nodiscard]] const MailboxRow* mailbox(std::string_view name);
  /// Writes arrivals that wait for their chunk, so that walking over the mailbox finds them.
  void settle(MailboxNumber number);

  /// What changed: hints for those who watch.
  [[nodiscard]] const std::vector<ChangeHint>& changes() const { return changes_; }
  /// Files of the log folder that nothing refers to once the transaction is committed.
  [[nodiscard]] const std::vector<std::string>& deadFiles() const { return deadFiles_; }
  /// Octets of records that nothing needs any more.
  [[nodiscard]] std::uint64_t released() const { return released_; }

 private:
  struct Entry {
    std::uint32_t uid = 0;
    std::uint64_t flags = 0;
    ModSeq modSeq = 0;
    Detail detail;
  };
  struct Box {
    MailboxRow row;
    bool changed = false;
    std::vector<Entry> pending;
  };

  void apply(const MailboxMade& r);
  void apply(const MailboxDeleted& r);
  void apply(const MailboxRenamed& r);
  void apply(const Subscribed& r);
  void apply(const KeywordsAdded& r);
  void apply(const Arrival& r);
  void apply(const FlagsWritten& r);
  void apply(const Expunged& r);
  void apply(const CopiedTo& r);
  void apply(const ContentMoved& r);
  void apply(const SnapshotBegun&) {}
  void apply(const SnapshotPart&) {}
  void apply(const SnapshotEnded& r);

  Box& box(MailboxNumber number);
  Box* find(MailboxNumber number);
  void touched(Box& box, ModSeq modSeq);
  void enter(Box& box, const Entry& entry);
  std::vector<Entry> collect(const Box& from, const UidSet& uids) const;
  std::vector<EmailId> takeOut(Box& box, const UidSet& uids, ModSeq modSeq);
  void remember(Box& box, const UidSet& gone, ModSeq modSeq);
  Detail newMail(const Arrival& r);
  static void addCopy(Cursor& known, const EmailId& id);
  void release(const EmailId& id);
  void addThreadUser(std::uint64_t hash, const EmailId& threadId);
  void dropThreadUser(std::uint64_t hash);
  void countLive(const ContentPlace& place, bool arrives);
  void rememberDelivery(const Arrival& r, const Box& box);

  Txn& txn_;
  ReadFile readFile_;
  AccountRow account_;
  bool accountChanged_ = false;
  bool hasRenewed_ = false;
  journal::Position at_;            // of the record being applied
  std::uint64_t contentLength_ = 0;
  std::map<MailboxNumber, Box> boxes_;
  std::unordered_map<EmailId, std::shared_ptr<const PreparedColumns>> hints_;
  std::vector<ChangeHint> changes_;
  std::vector<std::string> deadFiles_;
  std::uint64_t released_ = 0;
};

/// Throws: the log names what the index does not have.
[[noreturn]] void contradiction(const char* what);

/// Writes a message's row and, if its prepared columns are not too large to be kept, those too.
void putMail(Txn& txn, const EmailId& id, MailRow row, const PreparedColumns& columns);

/// The name of a message's own file in the log folder.
[[nodiscard]] inline std::string messageFileName(const EmailId& id) { return id.text() + ".msg"; }

}  // namespace ostler::store::local
