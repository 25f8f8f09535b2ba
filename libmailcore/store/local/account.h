// account.h - one account's folder in this process: its lock, its log, its index, and the queue of changes to it.
// Is not: the Account of store.h, which is a handle on this for one loop; see local_store.cc.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "libmailcore/async/pool.h"
#include "libmailcore/journal/replay.h"
#include "libmailcore/log/log.h"
#include "libmailcore/store/local/apply.h"
#include "libmailcore/store/local/content.h"
#include "libmailcore/store/local/index.h"
#include "libmailcore/store/local/notify.h"

namespace ostler::store::local {

inline constexpr std::chrono::milliseconds kLockWait{10'000};
/// What errno says of the last system call; a disk without room is a limit.
[[nodiscard]] Error systemError(const char* what);

/// What a change sees while it is planned, and where it says what happens. What is emitted is applied at once, so that the next
/// look sees it; it becomes true when the batch is synced.
class Planner {
 public:
  Planner(Apply& applied, journal::Position next, const Quota& limits) : apply(applied), limits_(limits), next_(next) {}

  Apply& apply;
  void emit(const LogRecord& record);
  [[nodiscard]] const Quota& limits() const { return limits_; }
  [[nodiscard]] ModSeq nextModSeq() const { return apply.account().modSeq + 1; }
  struct Encoded {
    std::uint16_t type = 0;
    std::string content;
  };
  [[nodiscard]] const std::vector<Encoded>& records() const { return records_; }

 private:
  const Quota& limits_;
  journal::Position next_;
  std::vector<Encoded> records_;
};

class AccountFolder;

/// One change, from submit() to done(). Runs on a thread of the write pool.
class Operation {
 public:
  virtual ~Operation() = default;
  /// Work that needs no lock.
  virtual Result<void> prepare(AccountFolder&) { return {}; }
  /// At most so many octets of records that hold content.
  [[nodiscard]] virtual std::uint64_t contentSpan() const { return 0; }
  /// Looks and emits. Checks before it emits: an error with nothing emitted costs the others nothing.
  virtual Result<void> plan(Planner& planner) = 0;
  /// Synced and in the index, or why not. Called once, from any thread. outcomeUnknown: it may be in the log, and count.
  virtual void done(Result<void> outcome) = 0;
  [[nodiscard]] virtual bool wanted() const { return true; }

  Deadline deadline;  ///< for the account's lock; set by submit()
};

struct AccountServices {
  Pool* writePool = nullptr;
  Notifier* notifier = nullptr;
  log::Log log;
  std::chrono::milliseconds lockWait = kLockWait;
  const journal::Disk* disk = &journal::Disk::real();
};

/// Any thread.
class AccountFolder : public std::enable_shared_from_this<AccountFolder> {
 public:
  /// Opens or makes the account. Blocks, at most for lockWait on other processes. Errors: temporary, permanent, limit.
  [[nodiscard]] static Result<std::shared_ptr<AccountFolder>> open(const Id128& account, UniqueFd folder, AccountServices services);

  [[nodiscard]] const std::shared_ptr<Index>& index() const { return index_; }
  [[nodiscard]] Result<std::shared_ptr<const ContentSource>> content(const EmailId& id, const ContentPlace& place);
  [[nodiscard]] int logFolder() const { return log_.get(); }
  [[nodiscard]] int folder() const { return folder_.get(); }
  [[nodiscard]] const journal::Disk& disk() const { return *services_.disk; }
  [[nodiscard]] const Id128& id() const { return id_; }

  /// Queues a change. Changes that come together share one lock, one sync and one transaction.
  void submit(std::shared_ptr<Operation> operation);
  void setLimits(const Quota& limits);

  /// What an older renderer made was made anew for a reader; kept, so that nobody need do so again. False: others are being written, and
  /// these are not taken.
  struct Renewed {
    EmailId id;
    PreparedColumns columns;
  };
  [[nodiscard]] bool renew(std::vector<Renewed>& renewed);

  /// UID lists by mailbox, shared by those who ask for the same state.
  struct UidList {
    ModSeq membersModSeq = 0;
    std::shared_ptr<const std::vector<std::uint32_t>> uids;
  };
  [[nodiscard]] std::shared_ptr<const std::vector<std::uint32_t>> cachedUids(const MailboxId& id, ModSeq membersModSeq);
  void cacheUids(const MailboxId& id, UidList list);

 private:
  friend class Compaction;
  using Operations = std::vector<std::shared_ptr<Operation>>;
  AccountFolder(const Id128& account, UniqueFd folder, AccountServices services);
  [[nodiscard]] Result<void> makeReady();
  [[nodiscard]] bool openIndexWithoutLock();
  void makeIndex();
  void runQueue();
  void commit(const Operations& operations);
  std::size_t commitSome(const Operations& operations, std::size_t from);
  [[nodiscard]] Result<void> tryCommit(const Operations& operations, std::size_t from, std::vector<Result<void>>& outcomes);
  enum class Step { nothing, appended, refused, spoiled };
  [[nodiscard]] Step planAndAppend(Operation& operation, Apply& apply, Result<void>& outcome);
  [[nodiscard]] Result<void> takeTurn();
  [[nodiscard]] bool rollForward(Apply& apply);
  [[nodiscard]] Result<void> ensureRoom(std::uint64_t spans);
  enum class Size { grown, exact };  // twice the one before, or what is asked for
  [[nodiscard]] Result<void> newSegment(std::uint64_t spans, std::uint64_t firstBatch, Size size = Size::grown);
  [[nodiscard]] Result<void> leavePoisonedSegment();
  [[nodiscard]] Result<void> checkSpace(std::uint64_t octets) const;
  [[nodiscard]] std::string readMessageFile(const Arrival& arrival) const;
  void tellAndClean(const Apply& apply);
  void compactIfWorthwhile();

  const Id128 id_;
  const AccountServices services_;
  UniqueFd folder_;
  UniqueFd log_;
  UniqueFd lock_;
  std::shared_ptr<Index> index_;
  std::unique_ptr<OpenSegments> segments_;

  std::mutex queueMutex_;
  std::deque<std::shared_ptr<Operation>> queue_;
  bool running_ = false;  // a thread is in runQueue()
  Quota limits_;

  // Touched by the thread in runQueue() (or open()) alone, with the account's lock held.
  const Id128 writerId_ = Id128::make(SystemClock().now());  // our mark in the lock's file
  bool endIsKnown_ = false;  // end_ was the log's end, and the index had all of it, when we gave the lock back
  journal::LogEnd end_;
  std::unique_ptr<journal::SegmentWriter> writer_;
  bool unsettled_ = false;  // appended, and neither told as true nor certain not to count
  // Octets that became dead since somebody looked whether compaction is worthwhile; at first nobody has.
  std::uint64_t released_ = UINT64_MAX / 2;

  std::atomic<bool> isRenewing_{false};
  std::mutex uidsMutex_;
  std::map<MailboxId, UidList> uids_;
};

}  // namespace ostler::store::local
