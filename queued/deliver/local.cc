#include "queued/deliver/local.h"

#include <iterator>

#include "libmailcore/store/account_folder.h"

namespace ostler::deliver {

namespace {

constexpr std::size_t kMostOpen = 1024;
constexpr std::size_t kBatchMessages = 128;
constexpr std::uint64_t kBatchOctets = 8U << 20;

/// Under load an append costs more in syncs than in octets: then what comes for one account within this time goes
/// together. With few deliveries under way nothing waits, so that a reader of one mailbox sees its mail at once.
constexpr std::chrono::milliseconds kTogether{15};
constexpr std::size_t kLoad = 8;

std::string deliveryId(const Parcel& parcel) {
  return parcel.message.text() + "/" + parcel.mailbox;
}

Result<store::NewMessage> toMessage(const Parcel& parcel) {
  store::NewMessage message;
  message.emailId = Id128::make(std::chrono::system_clock::now());
  message.deliveryId = deliveryId(parcel);
  message.mailbox = parcel.mailbox.empty() ? std::string("INBOX") : parcel.mailbox;
  message.prefix = parcel.prefix;
  message.internalDate = parcel.internalDate;
  if (parcel.content) {
    message.content = *parcel.content;
  } else {
    Result<UniqueFd> file = parcel.file();
    if (!file) return fail(file.error());
    message.file = std::move(*file);
    message.fileLength = parcel.size;
  }
  return message;
}

const LocalOutcome kStored{LocalOutcome::State::stored, {250, "2.0.0", "Delivered"}};
const LocalOutcome kUnread{LocalOutcome::State::deferred, {451, "4.3.0", "The message cannot be read just now"}};

}  // namespace

LocalDelivery::LocalDelivery(Loop& loop, store::Store& store, std::string accountsDir, log::Log log)
    : loop_(loop), store_(store), accountsDir_(std::move(accountsDir)), log_(std::move(log)), scope_(loop) {}

LocalDelivery::~LocalDelivery() {
  scope_.cancelAll();
}

std::shared_ptr<LocalDelivery::Slot> LocalDelivery::slotOf(const ipc::Account& account) {
  if (slots_.size() > kMostOpen + atWork_ + ready_.size()) dropIdleSlots();
  std::shared_ptr<Slot>& slot = slots_[account.id];
  if (!slot) slot = std::make_shared<Slot>(loop_);
  const bool otherLimits =
      slot->account.quotaOctets != account.quotaOctets || slot->account.quotaMessages != account.quotaMessages;
  if (otherLimits) slot->open.reset();
  slot->account = account;
  slot->lastUse = ++uses_;
  return slot;
}

/// Half of the idle ones go, those used longest ago: one pass now and then instead of a list kept in order.
void LocalDelivery::dropIdleSlots() {
  const std::uint64_t before = uses_ > kMostOpen / 2 ? uses_ - kMostOpen / 2 : 0;
  std::erase_if(slots_,
                [before](const auto& entry) { return !entry.second->running && entry.second->lastUse < before; });
}

void LocalDelivery::deliver(const ipc::Account& account, Parcel parcel, Done done) {
  const std::shared_ptr<Slot> slot = slotOf(account);
  const bool urgent = parcel.urgent;
  slot->waiting.push_back({std::move(parcel), {}});
  slot->waiting.back().done.push_back(std::move(done));
  ++waiting_;
  ++inFlight_;
  if (urgent) slot->hurry.set();
  if (std::exchange(slot->running, true)) return;
  ready_.push_back(slot);
  startReady();
}

void LocalDelivery::startReady() {
  while (atWork_ < kMostAtWork && !ready_.empty()) {
    const std::shared_ptr<Slot> slot = std::move(ready_.front());
    ready_.pop_front();
    ++atWork_;
    scope_.spawn(run(slot));
  }
}

Task<Result<void>> LocalDelivery::open(std::shared_ptr<Slot> slot) {
  if (slot->open) co_return Result<void>();
  Result<UniqueFd> folder = store::openAccountFolder(accountsDir_, slot->account.id);
  if (!folder) co_return fail(folder.error());
  store::Quota limits;
  limits.limitOctets = slot->account.quotaOctets;
  limits.limitMessages = slot->account.quotaMessages;
  Result<std::shared_ptr<store::Account>> opened = co_await store_.open(slot->account.id, std::move(*folder), limits);
  if (!opened) co_return fail(opened.error());
  slot->open = std::move(*opened);
  co_return Result<void>();
}

std::vector<LocalDelivery::Waiting> LocalDelivery::takeBatch(Slot& slot) {
  std::vector<Waiting> batch;
  std::unordered_map<std::string, std::size_t> places;
  std::uint64_t octets = 0;
  while (!slot.waiting.empty() && batch.size() < kBatchMessages && octets < kBatchOctets) {
    Waiting next = std::move(slot.waiting.front());
    slot.waiting.pop_front();
    const auto [place, isNew] = places.emplace(deliveryId(next.parcel), batch.size());
    if (!isNew) {  // the store takes it once: what becomes of the first one becomes of it
      std::move(next.done.begin(), next.done.end(), std::back_inserter(batch[place->second].done));
      continue;
    }
    octets += next.parcel.size;
    batch.push_back(std::move(next));
  }
  return batch;
}

Task<void> LocalDelivery::run(std::shared_ptr<Slot> slot) {
  co_await loop_.yield();  // what arrived in the same turn of the loop goes together
  while (!slot->waiting.empty()) {
    const Deadline next = Deadline::after(kTogether);
    const std::size_t before = slot->waiting.size();
    std::vector<Waiting> batch = takeBatch(*slot);
    const std::size_t count = before - slot->waiting.size();
    waiting_ -= count;
    co_await appendBatch(slot, std::move(batch));
    inFlight_ -= count;
    if (inFlight_ < kLoad || slot->waiting.size() >= kBatchMessages) continue;
    const Result<void> hurried = co_await slot->hurry.wait(next);
    (void)hurried;
  }
  slot->running = false;
  --atWork_;
  if (!ready_.empty()) slot->open.reset();  // more accounts than can be open take their turns
  startReady();
}

/// What cannot be opened is told so, and taken out of the batch.
std::vector<store::NewMessage> LocalDelivery::openBatch(const Slot& slot, std::vector<Waiting>& batch) {
  std::vector<store::NewMessage> messages;
  std::vector<Waiting> opened;
  for (Waiting& one : batch) {
    Result<store::NewMessage> message = toMessage(one.parcel);
    if (!message) {
      log_.warn("local-delivery-failed", {{"account", slot.account.address}, {"id", one.parcel.message.text()}, {"reason", message.error().detail}});
      one.tell(kUnread);
      continue;
    }
    messages.push_back(std::move(*message));
    opened.push_back(std::move(one));
  }
  batch = std::move(opened);
  return messages;
}

Task<void> LocalDelivery::appendBatch(std::shared_ptr<Slot> slot, std::vector<Waiting> batch) {
  const Result<void> opened = co_await open(slot);
  if (!opened) {
    const LocalOutcome outcome = co_await outcomeOf(slot, opened.error(), 0);
    for (const Waiting& one : batch) one.tell(outcome);
    co_return;
  }
  std::vector<store::NewMessage> messages = openBatch(*slot, batch);
  if (messages.empty()) co_return;
  const std::shared_ptr<store::Account> account = slot->open;
  const Result<std::vector<store::Appended>> stored = co_await account->append(std::move(messages));
  if (stored) {
    for (const Waiting& one : batch) one.tell(kStored);
    co_return;
  }
  if (batch.size() > 1 && stored.error().kind == Error::Kind::limit) {
    // All or none: one of them is too much. Each by itself then, so that what fits is delivered.
    for (Waiting& one : batch) {
      std::vector<Waiting> single;
      single.push_back(std::move(one));
      co_await appendBatch(slot, std::move(single));
    }
    co_return;
  }
  for (const Waiting& one : batch) {
    const LocalOutcome outcome = co_await outcomeOf(slot, stored.error(), one.parcel.size);
    one.tell(outcome);
  }
}

/// Which words an error of the store becomes.
Task<LocalOutcome> LocalDelivery::outcomeOf(std::shared_ptr<Slot> slot, Error error, std::uint64_t size) {
  log_.warn("local-delivery-failed", {{"account", slot->account.address}, {"reason", error.detail}});
  if (error.kind == Error::Kind::limit && slot->open) {
    const std::shared_ptr<store::Account> account = slot->open;
    const Result<store::Quota> quota = co_await account->quota();
    const bool full = quota && ((quota->limitOctets != 0 && quota->usedOctets + size > quota->limitOctets) ||
                                (quota->limitMessages != 0 && quota->usedMessages >= quota->limitMessages));
    // RFC 3463 3.3: X.2.2 mailbox full. Permanent for a queued message: its sender is told, RFC 5321 4.5.4.1 does not
    // ask to wait.
    if (full) co_return LocalOutcome{LocalOutcome::State::failed, {552, "5.2.2", "The mailbox is full"}};
  }
  if (error.kind == Error::Kind::limit) {
    co_return LocalOutcome{LocalOutcome::State::deferred, {452, "4.3.1", "No space to store the message"}};
  }
  slot->open.reset();
  co_return LocalOutcome{LocalOutcome::State::deferred, {451, "4.3.0", "The mailbox cannot be written just now"}};
}

Task<Result<store::Quota>> LocalDelivery::quota(ipc::Account account) {
  const std::shared_ptr<Slot> slot = slotOf(account);
  const Result<void> opened = co_await open(slot);
  if (!opened) co_return fail(opened.error());
  const std::shared_ptr<store::Account> handle = slot->open;
  co_return co_await handle->quota();
}

}  // namespace ostler::deliver
