#include "libmailcore/store/local/account.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "libmailcore/store/local/compact.h"
#include "libmailcore/store/local/lock.h"
#include "libmailcore/store/local/operations.h"
#include "libmailcore/store/local/rebuild.h"

namespace ostler::store::local {
namespace {

constexpr std::size_t kOperationsTogether = 256;
constexpr std::uint64_t kOctetsTogether = 4 << 20;

class Renewal final : public Operation {
 public:
  Renewal(std::vector<AccountFolder::Renewed> renewed, std::atomic<bool>& isRunning) : renewed_(std::move(renewed)), isRunning_(isRunning) {}
  Result<void> plan(Planner& planner) override {
    for (const AccountFolder::Renewed& one : renewed_) planner.apply.renew(one.id, one.columns);
    return {};
  }
  void done(Result<void>) override { isRunning_ = false; }  // what was not written is made anew for the next reader too

 private:
  const std::vector<AccountFolder::Renewed> renewed_;
  std::atomic<bool>& isRunning_;  // of the folder, whose queue holds this
};

std::string indexPath(int folder) { return "/proc/self/fd/" + std::to_string(folder) + "/index.mdb"; }

}  // namespace

Error systemError(const char* what) {
  const auto kind = errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? Error::Kind::limit : Error::Kind::temporary;
  return {kind, std::string("store: ") + what + ": " + std::strerror(errno)};
}

void Planner::emit(const LogRecord& record) {
  records_.push_back({typeOf(record), encode(record)});
  const std::uint64_t length = records_.back().content.size();
  apply.record(record, next_, length);
  next_.offset += journal::recordSpan(length);
}

// --- opening ---------------------------------------------------------------------------------------------------------------

AccountFolder::AccountFolder(const Id128& account, UniqueFd folder, AccountServices services)
    : id_(account), services_(std::move(services)), folder_(std::move(folder)) {}

Result<std::shared_ptr<AccountFolder>> AccountFolder::open(const Id128& account, UniqueFd folder, AccountServices services) {
  std::shared_ptr<AccountFolder> opened(new AccountFolder(account, std::move(folder), std::move(services)));
  const Result<void> ready = guarded([&] { return opened->makeReady(); });
  if (!ready) return fail(ready.error());
  return opened;
}

Result<void> AccountFolder::makeReady() {
  const int at = folder_.get();
  if (::mkdirat(at, "log", 0770) != 0 && errno != EEXIST) return fail(systemError("log folder"));
  log_.reset(::openat(at, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  lock_.reset(::openat(at, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0660));
  if (!log_ || !lock_) return fail(systemError("account folder"));
  segments_ = std::make_unique<OpenSegments>(log_.get());
  if (openIndexWithoutLock()) return {};
  // Before the first commit the log folder's name lasts, whoever made it and died.
  const UniqueFd readable(::openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!readable) return fail(systemError("account folder sync"));
  if (const Result<void> synced = disk().syncFolder(readable.get()); !synced) return synced;

  Result<HeldLock> lock = HeldLock::take(lock_.get(), Deadline::after(services_.lockWait));
  if (!lock && index_) {  // there is a state to show, if perhaps not the last: a stopped process must not lock readers out
    services_.log.warn("store-behind", {{"account", id_.text()}, {"why", lock.error().detail}});
    return {};
  }
  if (!lock) return fail(lock.error());
  if (!index_) (void)openIndexWithoutLock();  // another process may have made it while this one waited for the lock
  if (!index_) makeIndex();
  const auto initial = std::make_shared<InitialMailboxes>();
  (void)commitSome({initial}, 0);
  return initial->outcome;
}

// None is there. It is made from the log aside, so that a crash leaves none or a whole one.
void AccountFolder::makeIndex() {
  const auto segments = journal::listSegments(log_.get());
  if (segments && !segments->empty()) {
    for (const char* leftover : {"index.new", "index.new-lock"}) ::unlinkat(folder_.get(), leftover, 0);
    Rebuilt rebuilt = rebuildInto("/proc/self/fd/" + std::to_string(folder_.get()) + "/index.new", log_.get());
    for (const journal::Damage& damage : rebuilt.damage) {
      services_.log.error("store-log-damaged", {{"account", id_.text()}, {"segment", damage.from.segment}, {"why", damage.what}});
    }
    rebuilt.index->sync();
    rebuilt.index.reset();
    ::unlinkat(folder_.get(), "index.new-lock", 0);
    const Result<void> renamed = disk().rename(folder_.get(), "index.new", "index.mdb");
    if (!renamed) throw IndexFailure(renamed.error().kind, "the new index: " + renamed.error().detail);
    services_.log.warn("store-index-rebuilt", {{"account", id_.text()}});
  }
  index_ = Index::open(indexPath(folder_.get()), Index::Mode::create);
}

// The usual case: the index is there and has everything.
bool AccountFolder::openIndexWithoutLock() {
  try {
    index_ = Index::open(indexPath(folder_.get()), Index::Mode::open);
    const Index::Read read(index_);
    if (!read.get(Table::state, kAccountKey)) return index_.reset(), false;
    const auto octets = read.get(Table::state, kLogEndKey);
    if (!octets) return false;
    const journal::LogEnd known = logEndRow(*octets);
    const auto end = journal::replayFrom(log_.get(), known, [](const journal::Batch&) { return false; });
    return end && *end == known;
  } catch (const IndexFailure& failure) {
    if (failure.kind != Error::Kind::notFound) throw;
    index_.reset();
    return false;
  }
}

Result<std::shared_ptr<const ContentSource>> AccountFolder::content(const EmailId& id, const ContentPlace& place) {
  return openContent(*segments_, log_.get(), id, place);
}

std::string AccountFolder::readMessageFile(const Arrival& arrival) const {
  const UniqueFd fd(::openat(log_.get(), messageFileName(arrival.emailId).c_str(), O_RDONLY | O_CLOEXEC));
  std::string octets(arrival.fileLength, '\0');
  const auto got = fd ? journal::readAt(fd.get(), octets, arrival.fileOffset) : Result<std::size_t>(0);
  octets.resize(got.value_or(0));  // gone with its message, or damaged: `check` tells
  return octets;
}

// --- the queue -------------------------------------------------------------------------------------------------------------

void AccountFolder::setLimits(const Quota& limits) {
  const std::scoped_lock lock(queueMutex_);
  limits_ = limits;
}

void AccountFolder::submit(std::shared_ptr<Operation> operation) {
  operation->deadline = Deadline::after(services_.lockWait);
  {
    const std::scoped_lock lock(queueMutex_);
    queue_.push_back(operation);
    if (running_) return;  // whoever commits now takes it with the next group
    running_ = true;
  }
  if (services_.writePool->post([self = shared_from_this()] { self->runQueue(); })) return;
  const std::scoped_lock lock(queueMutex_);
  running_ = false;
  for (const auto& one : std::exchange(queue_, {})) one->done(fail(Error::Kind::temporary, "store: too much waits to be written"));
}

bool AccountFolder::renew(std::vector<Renewed>& renewed) {
  if (isRenewing_.exchange(true)) return false;
  submit(std::make_shared<Renewal>(std::exchange(renewed, {}), isRenewing_));
  return true;
}

void AccountFolder::runQueue() {
  for (;;) {
    Operations together;
    {
      const std::scoped_lock lock(queueMutex_);
      std::uint64_t octets = 0;
      while (!queue_.empty() && together.size() < kOperationsTogether && octets < kOctetsTogether) {
        octets += queue_.front()->contentSpan();
        together.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
      if (together.empty() && released_ < kDeadEnough) {
        running_ = false;
        return;
      }
    }
    if (together.empty()) compactIfWorthwhile();  // the account is idle
    commit(together);
  }
}

void AccountFolder::commit(const Operations& operations) {
  Operations ready;
  Deadline deadline;
  for (const auto& operation : operations) {
    if (!operation->wanted()) continue;
    const Result<void> prepared = operation->prepare(*this);
    if (!prepared) {
      operation->done(prepared);
      continue;
    }
    deadline = deadline.orSooner(operation->deadline);
    ready.push_back(operation);
  }
  if (ready.empty()) return;
  const Result<HeldLock> lock = HeldLock::take(lock_.get(), deadline);
  if (!lock) {
    for (const auto& operation : ready) operation->done(fail(lock.error()));
    return;
  }
  for (std::size_t next = 0; next < ready.size();) next = commitSome(ready, next);
}

void AccountFolder::compactIfWorthwhile() {
  released_ = 0;
  const Result<void> compacted = guarded([this]() -> Result<void> {
    Compaction compaction(*this);
    if (!compaction.worthwhile()) return {};
    const Result<HeldLock> lock = HeldLock::take(lock_.get(), Deadline::after(services_.lockWait));
    if (!lock) return fail(lock.error());
    std::vector<Result<void>> outcomes;
    const Result<void> current = tryCommit({}, 0, outcomes);
    return current ? compaction.run() : current;
  });
  if (!compacted) services_.log.warn("store-compaction-failed", {{"account", id_.text()}, {"why", compacted.error().detail}});
}

std::shared_ptr<const std::vector<std::uint32_t>> AccountFolder::cachedUids(const MailboxId& id, ModSeq membersModSeq) {
  const std::scoped_lock lock(uidsMutex_);
  const auto found = uids_.find(id);
  return found != uids_.end() && found->second.membersModSeq == membersModSeq ? found->second.uids : nullptr;
}

void AccountFolder::cacheUids(const MailboxId& id, UidList list) {
  constexpr std::size_t kLists = 16;
  const std::scoped_lock lock(uidsMutex_);
  if (uids_.size() >= kLists && !uids_.contains(id)) uids_.clear();
  uids_[id] = std::move(list);
}

}  // namespace ostler::store::local
