#include "libmailcore/store/local_store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <list>
#include <map>
#include <mutex>
#include <utility>

#include "libmailcore/store/local/append.h"
#include "libmailcore/store/local/lock.h"
#include "libmailcore/store/local/operations.h"
#include "libmailcore/store/local/read.h"

namespace ostler::store {

using namespace local;

// One environment per path and process: accounts are found by their folder's inode, for as long as anybody holds them.
class LocalShared {
 public:
  LocalShared(LocalOptions options, std::unique_ptr<Notifier> notifier)
      : options_(std::move(options)),
        notifier_(std::move(notifier)),
        readPool_("store-read", options_.readThreads),
        writePool_("store-write", options_.writeThreads) {}

  /// Blocks. Any thread.
  Result<std::shared_ptr<AccountFolder>> open(const Id128& account, UniqueFd folder, const Quota& limits) {
    struct stat info{};
    if (::fstat(folder.get(), &info) != 0) return fail(Error::Kind::temporary, "store: the account's folder cannot be read");
    const std::shared_ptr<Slot> slot = slotOf({info.st_dev, info.st_ino});
    const std::scoped_lock lock(slot->mutex);
    std::shared_ptr<AccountFolder> there = slot->folder.lock();
    if (!there) {
      auto opened = AccountFolder::open(account, std::move(folder), {&writePool_, notifier_.get(), options_.log, options_.lockWait, options_.disk});
      if (!opened) return opened;
      there = std::move(*opened);
      slot->folder = there;
    }
    there->setLimits(limits);
    keep(there);
    return there;
  }
  Pool& readPool() { return readPool_; }
  Notifier& notifier() { return *notifier_; }

 private:
  using Inode = std::pair<dev_t, ino_t>;
  struct Slot {
    std::mutex mutex;
    std::weak_ptr<AccountFolder> folder;
  };

  std::shared_ptr<Slot> slotOf(const Inode& inode) {
    const std::scoped_lock lock(mutex_);
    if (slots_.size() > 4 * options_.openAccounts) {
      std::erase_if(slots_, [](const auto& one) { return one.second.use_count() == 1 && one.second->folder.expired(); });
    }
    std::shared_ptr<Slot>& slot = slots_[inode];
    if (!slot) slot = std::make_shared<Slot>();
    return slot;
  }
  void keep(const std::shared_ptr<AccountFolder>& folder) {
    std::shared_ptr<AccountFolder> evicted;  // closed after the lock is given back
    const std::scoped_lock lock(mutex_);
    latest_.remove(folder);
    latest_.push_front(folder);
    if (latest_.size() <= options_.openAccounts) return;
    evicted = std::move(latest_.back());
    latest_.pop_back();
  }

  const LocalOptions options_;
  std::unique_ptr<Notifier> notifier_;
  std::mutex mutex_;
  std::map<Inode, std::shared_ptr<Slot>> slots_;
  std::list<std::shared_ptr<AccountFolder>> latest_;
  // Last, so that they go first: their jobs use all of the above.
  Pool readPool_;
  Pool writePool_;
};

namespace {

/// What an operation hands to the task that waits for it. The task may go first.
class Waiting {
 public:
  explicit Waiting(Loop& loop) : loop_(loop), finished_(std::make_unique<Signal>(loop)) {}
  void finish(std::shared_ptr<Waiting> self) {
    loop_.post([self = std::move(self)] {
      if (self->finished_) self->finished_->set();
    });
  }
  Signal& finished() { return *finished_; }
  void abandon() {
    abandoned_ = true;
    finished_.reset();
  }
  bool wanted() const { return !abandoned_; }

 private:
  Loop& loop_;
  std::unique_ptr<Signal> finished_;  // touched on the loop alone
  std::atomic<bool> abandoned_ = false;
};

/// The awaiting frame's end of it.
struct WaitGuard {
  std::shared_ptr<Waiting> waiting;
  ~WaitGuard() { waiting->abandon(); }
};

template <class T>
class PlannedChange final : public Operation {
 public:
  using Plan = std::function<Result<T>(Planner&)>;
  PlannedChange(std::shared_ptr<Waiting> waiting, Plan plan) : waiting_(std::move(waiting)), plan_(std::move(plan)) {}
  Result<void> plan(Planner& planner) override {
    value.emplace(plan_(planner));
    return *value ? Result<void>() : fail(value->error());
  }
  void done(Result<void> outcome) override {
    if (!outcome) value = fail(outcome.error());
    waiting_->finish(waiting_);
  }
  bool wanted() const override { return waiting_->wanted(); }
  std::optional<Result<T>> value;

 private:
  std::shared_ptr<Waiting> waiting_;
  Plan plan_;
};

class AwaitedAppend final : public AppendOperation {
 public:
  AwaitedAppend(std::shared_ptr<Waiting> waiting, std::vector<NewMessage> messages)
      : AppendOperation(std::move(messages)), waiting_(std::move(waiting)) {}
  void done(Result<void> result) override {
    AppendOperation::done(result);
    outcome = std::move(result);
    waiting_->finish(waiting_);
  }
  bool wanted() const override { return waiting_->wanted(); }
  Result<void> outcome;

 private:
  std::shared_ptr<Waiting> waiting_;
};

class FileLock final : public MaildropLock {
 public:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}  // an OFD lock goes with its descriptor

 private:
  UniqueFd fd_;
};

/// A watch keeps what it is registered with.
class HeldWatch final : public Watch {
 public:
  HeldWatch(std::shared_ptr<LocalShared> shared, std::unique_ptr<Watch> watch) : shared_(std::move(shared)), watch_(std::move(watch)) {}

 private:
  std::shared_ptr<LocalShared> shared_;
  std::unique_ptr<Watch> watch_;
};

class LocalAccount final : public Account {
 public:
  LocalAccount(Loop& loop, std::shared_ptr<LocalShared> shared, std::shared_ptr<AccountFolder> folder, const Quota& limits)
      : loop_(loop), shared_(std::move(shared)), folder_(std::move(folder)), limits_(limits) {}

  Task<Result<std::vector<MailboxInfo>>> mailboxes() override {
    return read([](AccountFolder& folder) { return listMailboxes(folder); });
  }
  Task<Result<MailboxInfo>> mailbox(std::string name) override {
    return read([name = std::move(name)](AccountFolder& folder) { return findMailbox(folder, name); });
  }
  Task<Result<MailboxInfo>> mailbox(MailboxId id) override {
    return read([id](AccountFolder& folder) { return findMailbox(folder, id); });
  }
  Task<Result<Uids>> uids(MailboxId id) override {
    return read([id](AccountFolder& folder) { return listUids(folder, id); });
  }
  Task<Result<void>> visit(MailboxId id, UidSet uids, Columns columns, std::shared_ptr<Visitor> visitor) override {
    return read([id, uids = std::move(uids), columns, visitor = std::move(visitor)](AccountFolder& folder) {
      return visitMessages(folder, id, uids, columns, *visitor);
    });
  }
  Task<Result<Changes>> changesSince(MailboxId id, ModSeq since) override {
    return read([id, since](AccountFolder& folder) { return readChanges(folder, id, since); });
  }
  Task<Result<Quota>> quota() override {
    return read([limits = limits_](AccountFolder& folder) { return readQuota(folder, limits); });
  }

  Task<Result<std::vector<Appended>>> append(std::vector<NewMessage> messages) override {
    const auto folder = folder_;
    const WaitGuard guard{std::make_shared<Waiting>(loop_)};
    const auto operation = std::make_shared<AwaitedAppend>(guard.waiting, std::move(messages));
    folder->submit(operation);
    const Result<void> finished = co_await guard.waiting->finished().wait(Deadline::never());
    (void)finished;
    if (!operation->outcome) co_return fail(operation->outcome.error());
    co_return operation->appended();
  }
  Task<Result<FlagsChanged>> changeFlags(MailboxId id, UidSet uids, FlagsOperation operation) override {
    return change<FlagsChanged>([id, uids = std::move(uids), operation = std::move(operation)](Planner& planner) {
      return planFlags(planner, id, uids, operation);
    });
  }
  Task<Result<Copied>> copy(MailboxId from, UidSet uids, MailboxId to) override {
    return change<Copied>([from, uids = std::move(uids), to](Planner& planner) {
      return planTransfer(planner, from, uids, to, Transfer::copy);
    });
  }
  Task<Result<Copied>> move(MailboxId from, UidSet uids, MailboxId to) override {
    return change<Copied>([from, uids = std::move(uids), to](Planner& planner) {
      return planTransfer(planner, from, uids, to, Transfer::move);
    });
  }
  Task<Result<UidSet>> expunge(MailboxId id, UidSet among, Expunge which) override {
    return change<UidSet>([id, among = std::move(among), which](Planner& planner) { return planExpunge(planner, id, among, which); });
  }
  Task<Result<MailboxInfo>> createMailbox(std::string name, SpecialUse specialUse) override {
    return change<MailboxInfo>([name = std::move(name), specialUse](Planner& planner) { return planCreate(planner, name, specialUse); });
  }
  Task<Result<void>> deleteMailbox(std::string name) override {
    return change<void>([name = std::move(name)](Planner& planner) { return planDelete(planner, name); });
  }
  Task<Result<void>> renameMailbox(std::string from, std::string to) override {
    return change<void>([from = std::move(from), to = std::move(to)](Planner& planner) { return planRename(planner, from, to); });
  }
  Task<Result<void>> subscribe(std::string name, bool subscribed) override {
    return change<void>([name = std::move(name), subscribed](Planner& planner) { return planSubscribe(planner, name, subscribed); });
  }

  std::unique_ptr<Watch> watch(std::function<void(ChangeHint)> callback) override {
    return std::make_unique<HeldWatch>(shared_, shared_->notifier().watch(loop_, folder_->id(), std::move(callback)));
  }
  Task<Result<std::unique_ptr<MaildropLock>>> lockMaildrop() override {
    return read([](AccountFolder& folder) -> Result<std::unique_ptr<MaildropLock>> {
      UniqueFd fd(::openat(folder.folder(), "maildrop.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0660));
      if (!fd) return fail(Error::Kind::temporary, "maildrop lock: cannot be opened");
      const Result<void> locked = tryLock(fd.get());
      if (!locked) return fail(locked.error());
      return std::make_unique<FileLock>(std::move(fd));
    });
  }

 private:
  template <class Job>
  auto read(Job job) -> Task<std::invoke_result_t<Job, AccountFolder&>> {
    return shared_->readPool().run(loop_, [folder = folder_, job = std::move(job)] { return guarded([&] { return job(*folder); }); });
  }
  template <class T>
  Task<Result<T>> change(typename PlannedChange<T>::Plan plan) {
    const auto folder = folder_;
    const WaitGuard guard{std::make_shared<Waiting>(loop_)};
    const auto operation = std::make_shared<PlannedChange<T>>(guard.waiting, std::move(plan));
    folder->submit(operation);
    const Result<void> finished = co_await guard.waiting->finished().wait(Deadline::never());
    (void)finished;
    co_return std::move(*operation->value);
  }

  Loop& loop_;
  std::shared_ptr<LocalShared> shared_;
  std::shared_ptr<AccountFolder> folder_;
  Quota limits_;
};

class LocalStore final : public Store {
 public:
  LocalStore(Loop& loop, std::shared_ptr<LocalShared> shared) : loop_(loop), shared_(std::move(shared)) {}
  Task<Result<std::shared_ptr<Account>>> open(Id128 account, UniqueFd folder, Quota limits) override {
    auto held = std::make_shared<UniqueFd>(std::move(folder));
    // Not a shared pointer: were it the last one, the pool would have to wait for itself.
    auto opened = co_await shared_->readPool().run(loop_, [shared = shared_.get(), account, held, limits] {
      return shared->open(account, std::move(*held), limits);
    });
    if (!opened) co_return fail(opened.error());
    std::shared_ptr<Account> handle = std::make_shared<LocalAccount>(loop_, shared_, std::move(*opened), limits);
    co_return handle;
  }

 private:
  Loop& loop_;
  std::shared_ptr<LocalShared> shared_;
};

}  // namespace

Result<std::shared_ptr<LocalShared>> makeLocalShared(LocalOptions options) {
  auto notifier = Notifier::make(options.notifyDir, options.log);
  if (!notifier) return fail(notifier.error());
  return std::make_shared<LocalShared>(std::move(options), std::move(*notifier));
}

std::unique_ptr<Store> makeLocalStore(Loop& loop, std::shared_ptr<LocalShared> shared) {
  return std::make_unique<LocalStore>(loop, std::move(shared));
}

}  // namespace ostler::store
