#include "libmailcore/store/memory_store.h"

#include <unistd.h>

#include <algorithm>
#include <list>
#include <map>
#include <set>
#include <utility>

#include "libmailcore/store/columns.h"
#include "libmailcore/store/names.h"

namespace ostler::store {
namespace {

class TextSource final : public ContentSource {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  std::uint64_t size() const override { return text_.size(); }
  Result<void> read(std::uint64_t offset, std::span<char> into) const override {
    if (!readNow(offset, into)) return fail(Error::Kind::permanent, "content: read beyond its end");
    return {};
  }
  bool readNow(std::uint64_t offset, std::span<char> into) const override {
    if (offset > text_.size() || into.size() > text_.size() - offset) return false;
    std::copy_n(text_.data() + offset, into.size(), into.data());
    return true;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

struct Message {
  EmailId emailId;
  EmailId threadId;
  std::int64_t internalDate = 0;
  std::string uidl;
  PreparedColumns columns;
  std::shared_ptr<const TextSource> content;
};

struct Entry {
  Flags flags;
  ModSeq modSeq = 0;
  std::int64_t saveDate = 0;
  std::shared_ptr<const Message> message;
};

struct Mailbox {
  MailboxInfo info;
  std::map<Uid, Entry> entries;
  std::vector<std::pair<ModSeq, UidSet>> expunged;

  void count(const Entry& entry, bool in) {
    const std::uint64_t one = in ? 1 : ~std::uint64_t{0};  // plus or minus one
    info.messages += one;
    info.unseen += (entry.flags.bits & Flags::kSeen) == 0 ? one : 0;
    info.deleted += (entry.flags.bits & Flags::kDeleted) != 0 ? one : 0;
    info.octets += in ? entry.message->content->size() : ~entry.message->content->size() + 1;
  }
  Uid put(Entry entry) {
    const Uid uid{info.uidNext++};
    info.highestModSeq = entry.modSeq;
    count(entry, true);
    entries.emplace(uid, std::move(entry));
    return uid;
  }
};

/// What all handles of one account share.
struct Data {
  Quota limits;
  ModSeq modSeq = 1;
  std::uint32_t lastUidValidity = 0;
  std::map<MailboxId, Mailbox> mailboxes;
  std::set<std::string> subscriptions;
  std::map<std::string, Appended> delivered;
  std::map<std::string, EmailId, std::less<>> threads;
  std::list<std::function<void(ChangeHint)>> watchers;
  bool maildropLocked = false;

  Mailbox* byName(std::string_view name) {
    const auto found = std::find_if(mailboxes.begin(), mailboxes.end(), [&](auto& one) { return one.second.info.name == name; });
    return found == mailboxes.end() ? nullptr : &found->second;
  }
  Mailbox* byId(const MailboxId& id) {
    const auto found = mailboxes.find(id);
    return found == mailboxes.end() ? nullptr : &found->second;
  }
  bool hasBelow(std::string_view name) const {
    return std::any_of(mailboxes.begin(), mailboxes.end(), [&](auto& one) { return isBelow(one.second.info.name, name); });
  }
  Mailbox& make(const std::string& name, SpecialUse specialUse) {
    const WallTime now = SystemClock().now();
    lastUidValidity = std::max(lastUidValidity + 1, static_cast<std::uint32_t>(toUnixMillis(now) / 1000));
    Mailbox box;
    box.info.id = Id128::make(now);
    box.info.name = name;
    box.info.uidValidity = lastUidValidity;
    box.info.specialUse = specialUse;
    box.info.highestModSeq = box.info.historyStartsAt = ++modSeq;
    return mailboxes.emplace(box.info.id, std::move(box)).first->second;
  }
  /// With its parents, unless it is there.
  Mailbox& makeAll(const std::string& name) {
    for (const std::string_view parent : parentsOf(name)) {
      if (byName(parent) == nullptr) make(std::string(parent), SpecialUse::none);
    }
    Mailbox* const there = byName(name);
    return there != nullptr ? *there : make(name, SpecialUse::none);
  }
  MailboxInfo shown(const Mailbox& box) const {
    MailboxInfo info = box.info;
    info.subscribed = subscriptions.contains(info.name);
    return info;
  }
  Quota used() const {
    Quota quota = limits;
    for (const auto& [id, box] : mailboxes) {
      quota.usedOctets += box.info.octets;
      quota.usedMessages += box.info.messages;
    }
    return quota;
  }
  Result<void> admit(std::uint64_t octets, std::uint64_t messages) const {
    const Quota quota = used();
    if (quota.limitOctets != 0 && quota.usedOctets + octets > quota.limitOctets) return fail(Error::Kind::limit, "quota: octets");
    if (quota.limitMessages != 0 && quota.usedMessages + messages > quota.limitMessages) {
      return fail(Error::Kind::limit, "quota: messages");
    }
    return {};
  }
};

Error noMailbox() { return {Error::Kind::notFound, "no such mailbox"}; }

Result<std::string> contentOf(const NewMessage& message) {
  std::string text = message.prefix + message.content;
  if (!message.file) return text;
  text.resize(message.prefix.size() + message.fileLength);
  for (std::uint64_t done = 0; done < message.fileLength;) {
    const ssize_t got = ::pread(message.file.get(), text.data() + message.prefix.size() + done, message.fileLength - done,
                                static_cast<off_t>(message.fileOffset + done));
    if (got <= 0) return fail(Error::Kind::temporary, "message file: read failed");
    done += static_cast<std::uint64_t>(got);
  }
  return text;
}

MessageRow rowOf(Uid uid, const Entry& entry, Columns columns) {
  const Message& message = *entry.message;
  MessageRow row;
  row.uid = uid;
  row.flags = entry.flags;
  row.modSeq = entry.modSeq;
  if (columns.dates) {
    row.internalDate = message.internalDate;
    row.saveDate = entry.saveDate;
    row.size = message.content->size();
    row.emailId = message.emailId;
    row.threadId = message.threadId;
    row.traits = message.columns.traits;
  }
  if (columns.envelope) row.envelope = message.columns.envelope;
  if (columns.structure) row.body = message.columns.body;
  if (columns.structure) row.bodyStructure = message.columns.bodyStructure;
  if (columns.summary) row.summary = message.columns.summary;
  if (columns.uidl) row.uidl = message.uidl;
  if (columns.content) row.content = message.content;
  return row;
}

/// Calls `each` for the messages of the set that are there; it returns false to stop.
template <class Each>
void forEach(Mailbox& box, const UidSet& uids, Each each) {
  for (const UidRange& range : uids.ranges()) {
    auto at = box.entries.lower_bound(range.first);
    while (at != box.entries.end() && at->first <= range.last) {
      const auto current = at++;
      if (!each(current->first, current->second)) return;
    }
  }
}

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
      if (const auto* const id = std::get_if<MailboxId>(&message.mailbox); id != nullptr && data_->byId(*id) == nullptr) {
        co_return fail(noMailbox());
      }
      if (const auto* const name = std::get_if<std::string>(&message.mailbox)) {
        const Result<std::string> canonical = canonicalName(*name);
        if (!canonical) co_return fail(canonical.error());
      }
      std::vector<std::string> scratch;
      const Result<Flags> flags = resolveFlags(message.flags, scratch);
      if (!flags) co_return fail(flags.error());
      if (!data_->delivered.contains(message.deliveryId)) octets += text->size();
      texts.push_back(std::move(*text));
    }
    const Result<void> admitted = data_->admit(octets, messages.size());
    if (!admitted) co_return fail(admitted.error());
    std::vector<Appended> all;
    const ModSeq modSeq = ++data_->modSeq;
    for (std::size_t at = 0; at < messages.size(); ++at) {
      Result<Appended> one = appendOne(messages[at], std::move(texts[at]), modSeq);
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
    co_return copyOrMove(from, uids, to, false);
  }
  Task<Result<Copied>> move(MailboxId from, UidSet uids, MailboxId to) override {
    co_return copyOrMove(from, uids, to, true);
  }
  Task<Result<UidSet>> expunge(MailboxId id, UidSet among, Expunge which) override {
    Mailbox* const box = data_->byId(id);
    if (box == nullptr) co_return fail(noMailbox());
    UidSet gone;
    forEach(*box, among, [&](Uid uid, const Entry& entry) {
      if (which == Expunge::regardless || (entry.flags.bits & Flags::kDeleted) != 0) gone.add(uid);
      return true;
    });
    if (!gone.empty()) remove(*box, gone, ++data_->modSeq);
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
    co_return rename(*source, *target);
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
  Result<Appended> appendOne(const NewMessage& from, std::string text, ModSeq modSeq) {
    if (const auto seen = data_->delivered.find(from.deliveryId); !from.deliveryId.empty() && seen != data_->delivered.end()) {
      Appended again = seen->second;
      again.duplicate = true;
      return again;
    }
    const auto* const id = std::get_if<MailboxId>(&from.mailbox);
    Mailbox& box = id != nullptr ? *data_->byId(*id) : data_->makeAll(*canonicalName(std::get<std::string>(from.mailbox)));
    const Result<Flags> flags = resolveFlags(from.flags, box.info.keywords);
    if (!flags) return fail(flags.error());
    auto message = std::make_shared<Message>();
    message->emailId = from.emailId;
    message->internalDate = from.internalDate;
    message->columns = prepareColumns(text);
    message->threadId = threadOf(*message);
    message->uidl = from.uidl.empty() ? from.emailId.text() : from.uidl;
    message->content = std::make_shared<TextSource>(std::move(text));
    const Uid uid = box.put({*flags, modSeq, toUnixMillis(SystemClock().now()) / 1000, std::move(message)});
    const Appended appended{box.info.id, box.info.uidValidity, uid, false};
    if (!from.deliveryId.empty()) data_->delivered[from.deliveryId] = appended;
    return appended;
  }
  EmailId threadOf(const Message& message) {
    const std::vector<std::string_view> keys = threadKeys(message.columns);
    EmailId thread = message.emailId;
    for (const std::string_view key : keys) {
      const auto known = data_->threads.find(key);
      if (known == data_->threads.end()) continue;
      thread = known->second;
      break;
    }
    for (const std::string_view key : keys) data_->threads.emplace(key, thread);
    return thread;
  }
  void remove(Mailbox& box, const UidSet& uids, ModSeq modSeq) {
    for (const UidRange& range : uids.ranges()) {
      auto at = box.entries.lower_bound(range.first);
      while (at != box.entries.end() && at->first <= range.last) {
        box.count(at->second, false);
        at = box.entries.erase(at);
      }
    }
    box.expunged.emplace_back(modSeq, uids);
    box.info.highestModSeq = modSeq;
  }
  Result<Copied> copyOrMove(const MailboxId& from, const UidSet& uids, const MailboxId& to, bool moves) {
    Mailbox* const source = data_->byId(from);
    Mailbox* const target = data_->byId(to);
    if (source == nullptr || target == nullptr) return fail(noMailbox());
    Copied result;
    result.uidValidity = target->info.uidValidity;
    std::vector<std::pair<Uid, Entry>> chosen;
    std::uint64_t octets = 0;
    forEach(*source, uids, [&](Uid uid, const Entry& entry) {
      chosen.emplace_back(uid, entry);
      octets += entry.message->content->size();
      return true;
    });
    if (chosen.empty()) return result;
    if (const Result<void> admitted = data_->admit(moves ? 0 : octets, moves ? 0 : chosen.size()); !admitted) {
      return fail(admitted.error());
    }
    const ModSeq modSeq = ++data_->modSeq;
    for (auto& [uid, entry] : chosen) {
      const Result<Flags> flags = resolveFlags(namesOf(entry.flags, source->info.keywords), target->info.keywords);
      if (!flags) return fail(flags.error());
      result.from.add(uid);
      result.to.add(target->put({*flags, modSeq, toUnixMillis(SystemClock().now()) / 1000, entry.message}));
    }
    if (moves) remove(*source, result.from, modSeq);
    if (moves) result.expunged = result.from;
    notify(to);
    if (moves && from != to) notify(from);
    return result;
  }
  Result<void> rename(const std::string& from, const std::string& to) {
    Mailbox* const box = data_->byName(from);
    if (box == nullptr && !data_->hasBelow(from)) return fail(noMailbox());
    if (data_->byName(to) != nullptr) return fail(Error::Kind::exists, "mailbox exists");
    if (isBelow(to, from) && from != "INBOX") return fail(Error::Kind::denied, "a mailbox cannot move below itself");
    if (from == "INBOX") {
      const MailboxId target = data_->makeAll(to).info.id;
      const Result<Copied> moved = copyOrMove(box->info.id, UidSet::all(), target, true);
      notify(MailboxId{});
      return moved ? Result<void>() : fail(moved.error());
    }
    for (const auto& [id, other] : data_->mailboxes) {
      if (!isBelow(other.info.name, from)) continue;
      const Result<std::string> renamed = canonicalName(to + other.info.name.substr(from.size()));
      if (!renamed) return fail(renamed.error());
      if (data_->byName(*renamed) != nullptr) return fail(Error::Kind::exists, "a child of that name exists");
    }
    for (const std::string_view parent : parentsOf(to)) data_->makeAll(std::string(parent));
    ++data_->modSeq;
    for (auto& [id, other] : data_->mailboxes) {
      if (other.info.name == from || isBelow(other.info.name, from)) other.info.name = to + other.info.name.substr(from.size());
    }
    notify(MailboxId{});
    return {};
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

class MemoryStore final : public Store {
 public:
  explicit MemoryStore(Loop& loop) : loop_(loop) {}

  Task<Result<std::shared_ptr<Account>>> open(Id128 account, UniqueFd, Quota limits) override {
    std::shared_ptr<Data>& data = accounts_[account];
    if (!data) data = newAccount();
    data->limits = limits;
    std::shared_ptr<Account> handle = std::make_shared<MemoryAccount>(loop_, data);
    co_return handle;
  }

 private:
  static std::shared_ptr<Data> newAccount() {
    auto data = std::make_shared<Data>();
    for (const InitialMailbox& initial : kInitialMailboxes) {
      data->make(initial.name, initial.specialUse);
      data->subscriptions.insert(initial.name);
    }
    return data;
  }
  Loop& loop_;
  std::map<Id128, std::shared_ptr<Data>> accounts_;
};

}  // namespace

std::unique_ptr<Store> makeMemoryStore(Loop& loop) { return std::make_unique<MemoryStore>(loop); }

}  // namespace ostler::store
