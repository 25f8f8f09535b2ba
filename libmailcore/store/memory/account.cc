#include "libmailcore/store/memory/account.h"

#include "libmailcore/store/names.h"

namespace ostler::store::memory {
namespace {

class MemoryWatch final : public Watch {
 public:
  MemoryWatch(std::shared_ptr<Data> data, std::function<void(ChangeHint)> callback)
      : data_(std::move(data)), at_(data_->watchers.insert(data_->watchers.end(), std::move(callback))) {}
  ~MemoryWatch() override { data_->watchers.erase(at_); }

 private:
  std::shared_ptr<Data> data_;
  std::list<std::function<void(ChangeHint)>>::iterator at_;
};

class MemoryLock final : public MaildropLock {
 public:
  explicit MemoryLock(std::shared_ptr<Data> data) : data_(std::move(data)) { data_->maildropLocked = true; }
  ~MemoryLock() override { data_->maildropLocked = false; }

 private:
  std::shared_ptr<Data> data_;
};

/// Every call is done at once, on the loop: nothing here waits.
class MemoryAccount final : public Account {
 public:
  MemoryAccount(Loop& loop, std::shared_ptr<Data> data) : loop_(loop), data_(std::move(data)) {}

  Task<Result<std::vector<MailboxInfo>>> mailboxes() override {
    std::vector<MailboxInfo> all;
    for (const auto& [id, box] : data_->mailboxes) all.push_back(box.info);
    addNamesWithoutMailbox(all, {data_->subscriptions.begin(), data_->subscriptions.end()});
    co_return all;
  }
  Task<Result<MailboxInfo>> mailbox(std::string name) override {
    const Result<std::string> canonical = canonicalName(name);
    if (!canonical) co_return fail(canonical.error());
    const Mailbox* const box = data_->byName(*canonical);
    if (box == nullptr) co_return fail(noMailbox());
    co_return data_->shown(*box);
  }
  Task<Result<MailboxInfo>> mailbox(MailboxId id) override {
    const Mailbox* const box = data_->byId(id);
    if (box == nullptr) co_return fail(noMailbox());
    co_return data_->shown(*box);
  }
  Task<Result<Uids>> uids(MailboxId id) override {
    const Mailbox* const box = data_->byId(id);
    if (box == nullptr) co_return fail(noMailbox());
    auto list = std::make_shared<std::vector<std::uint32_t>>();
    for (const auto& [uid, entry] : box->entries) list->push_back(uid.value);
    co_return Uids{data_->shown(*box), std::move(list)};
  }
  Task<Result<void>> visit(MailboxId id, UidSet uids, Columns columns, std::shared_ptr<Visitor> visitor) override {
    Mailbox* const box = data_->byId(id);
    if (box == nullptr) co_return fail(noMailbox());
    // First a run that is broken off in the middle, as a conflict in a distributed store would do it.
    std::uint64_t half = uids.count() / 2;
    visitor->begin(data_->shown(*box));
    forEach(*box, uids, [&](Uid uid, const Entry& entry) { return half-- > 0 && visitor->row(rowOf(uid, entry, columns)); });
    visitor->begin(data_->shown(*box));
    forEach(*box, uids, [&](Uid uid, const Entry& entry) { return visitor->row(rowOf(uid, entry, columns)); });
    co_return Result<void>();
  }
  Task<Result<Changes>> changesSince(MailboxId id, ModSeq since) override {
    Mailbox* const box = data_->byId(id);
    if (box == nullptr) co_return fail(noMailbox());
    Changes changes;
    changes.mailbox = data_->shown(*box);
    changes.complete = since >= box->info.historyStartsAt;
    UidSet present;
    for (const auto& [uid, entry] : box->entries) {
      present.add(uid);
      if (entry.modSeq > since) changes.changed.push_back({uid, entry.flags, entry.modSeq});
    }
    if (!changes.complete && box->info.uidNext > 1) {
      changes.vanished = UidSet::of({Uid{1}, Uid{box->info.uidNext - 1}}).without(present);
    } else {
      for (const auto& [modSeq, gone] : box->expunged) {
        for (const UidRange& run : gone.ranges()) {
          if (modSeq > since) changes.vanished.add(run);
        }
      }
    }
    co_return changes;
  }

  Task<Result<std::vector<Appended>>> append(std::vector<NewMessage> messages) override {
    std::vector<std::string> texts;
    std::uint64_t octets = 0;
    for (const NewMessage& message : messages) {
      Result<std::string> text = contentOf(message);
      if (!text) co_return fail(text.error());
      const Result<void> sound = data_->check(message);
      if (!sound) co_return fail(sound.error());
      if (!data_->delivered.contains(message.deliveryId)) octets += text->size();
      texts.push_back(std::move(*text));
    }
    const Result<void> admitted = data_->admit(octets, messages.size());
    if (!admitted) co_return fail(admitted.error());
    std::vector<Appended> all;
    const ModSeq modSeq = ++data_->modSeq;
    for (std::size_t at = 0; at < messages.size(); ++at) {
      Result<Appended> one = data_->append(messages[at], std::move(texts[at]), modSeq);
      if (!one) co_return fail(one.error());
      all.push_back(*one);
    }
    for (const Appended& one : all) notify(one.mailbox);
    co_return all;
  }

  Task<Result<FlagsChanged>> changeFlags(MailboxId id, UidSet uids, FlagsOperation operation) override {
    Mailbox* const box = data_->byId(id);
    if (box == nullptr) co_return fail(noMailbox());
    const Result<Flags> flags = resolveFlags(operation.flags, box->info.keywords);
    if (!flags) co_return fail(flags.error());
    FlagsChanged result;
    forEach(*box, uids, [&](Uid uid, Entry& entry) {
      if (operation.unchangedSince && entry.modSeq > *operation.unchangedSince) return result.modified.add(uid), true;
      Flags to = *flags;
      if (operation.kind == FlagsOperation::Kind::add) to.bits |= entry.flags.bits;
      if (operation.kind == FlagsOperation::Kind::remove) to.bits = entry.flags.bits & ~to.bits;
      if (to == entry.flags) return true;
      if (result.modSeq == 0) result.modSeq = box->info.highestModSeq = ++data_->modSeq;
      box->count(entry, false);
      entry.flags = to;
      entry.modSeq = result.modSeq;
      box->count(entry, true);
      result.changed.add(uid);
      return true;
    });
    result.mailbox = data_->shown(*box);
    if (result.modSeq != 0) notify(id);
    co_return result;
  }
  Task<Result<Copied>> copy(MailboxId from, UidSet uids, MailboxId to) override {
    co_return transfer(from, uids, to, Data::Transfer::copy);
  }
  Task<Result<Copied>> move(MailboxId from, UidSet uids, MailboxId to) override {
    co_return transfer(from, uids, to, Data::Transfer::move);
  }
  Task<Result<UidSet>> expunge(MailboxId id, UidSet among, Expunge which) override {
    Mailbox* const box = data_->byId(id);
    if (box == nullptr) co_return fail(noMailbox());
    UidSet gone;
    forEach(*box, among, [&](Uid uid, const Entry& entry) {
      if (which == Expunge::regardless || (entry.flags.bits & Flags::kDeleted) != 0) gone.add(uid);
      return true;
    });
    if (!gone.empty()) data_->remove(*box, gone, ++data_->modSeq);
    if (!gone.empty()) notify(id);
    co_return gone;
  }

  Task<Result<MailboxInfo>> createMailbox(std::string name, SpecialUse specialUse) override {
    const Result<std::string> canonical = canonicalName(name);
    if (!canonical) co_return fail(canonical.error());
    if (data_->byName(*canonical) != nullptr) co_return fail(Error::Kind::exists, "mailbox exists");
    Mailbox& box = data_->makeAll(*canonical);
    box.info.specialUse = specialUse;
    notify(MailboxId{});
    co_return data_->shown(box);
  }
  Task<Result<void>> deleteMailbox(std::string name) override {
    const Result<std::string> canonical = canonicalName(name);
    if (!canonical) co_return fail(canonical.error());
    if (*canonical == "INBOX") co_return fail(Error::Kind::denied, "INBOX cannot be deleted");
    const Mailbox* const box = data_->byName(*canonical);
    if (box == nullptr) co_return fail(noMailbox());
    const MailboxId id = box->info.id;
    data_->mailboxes.erase(id);
    ++data_->modSeq;
    notify(MailboxId{});
    co_return Result<void>();
  }
  Task<Result<void>> renameMailbox(std::string from, std::string to) override {
    const Result<std::string> source = canonicalName(from);
    const Result<std::string> target = canonicalName(to);
    if (!source) co_return fail(source.error());
    if (!target) co_return fail(target.error());
    const Result<void> renamed = data_->rename(*source, *target);
    if (renamed) notify(MailboxId{});
    co_return renamed;
  }
  Task<Result<void>> subscribe(std::string name, bool subscribed) override {
    const Result<std::string> canonical = canonicalName(name);
    if (!canonical) co_return fail(canonical.error());
    if (subscribed) {
      data_->subscriptions.insert(*canonical);
    } else {
      data_->subscriptions.erase(*canonical);
    }
    notify(MailboxId{});
    co_return Result<void>();
  }

  Task<Result<Quota>> quota() override { co_return data_->used(); }
  std::unique_ptr<Watch> watch(std::function<void(ChangeHint)> callback) override {
    return std::make_unique<MemoryWatch>(data_, std::move(callback));
  }
  Task<Result<std::unique_ptr<MaildropLock>>> lockMaildrop() override {
    if (data_->maildropLocked) co_return fail(Error::Kind::exists, "maildrop is locked");
    std::unique_ptr<MaildropLock> lock = std::make_unique<MemoryLock>(data_);
    co_return lock;
  }

 private:
  Result<Copied> transfer(const MailboxId& from, const UidSet& uids, const MailboxId& to, Data::Transfer how) {
    Result<Copied> done = data_->transfer(from, uids, to, how);
    if (!done || done->from.empty()) return done;
    notify(to);
    if (how == Data::Transfer::move && from != to) notify(from);
    return done;
  }
  void notify(const MailboxId& mailbox) {
    loop_.post([data = data_, hint = ChangeHint{mailbox, data_->modSeq}] {
      const auto watchers = data->watchers;  // a callback may end its watch
      for (const auto& watcher : watchers) watcher(hint);
    });
  }

  Loop& loop_;
  std::shared_ptr<Data> data_;
};

}  // namespace

std::shared_ptr<Account> makeAccount(Loop& loop, std::shared_ptr<Data> data) {
  return std::make_shared<MemoryAccount>(loop, std::move(data));
}

}  // namespace ostler::store::memory
