#include "libmailcore/store/memory/data.h"

#include <unistd.h>

#include <algorithm>

#include "libmailcore/store/names.h"

namespace ostler::store::memory {
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

 private:
  std::string text_;
};

}  // namespace

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
  if (columns.subject) row.subject = message.columns.subject;
  if (columns.summary) row.summary = message.columns.summary;
  if (columns.uidl) row.uidl = message.uidl;
  if (columns.content) row.content = message.content;
  return row;
}

Data::Data() {
  for (const InitialMailbox& initial : kInitialMailboxes) {
    make(initial.name, initial.specialUse);
    subscriptions.insert(initial.name);
  }
}

Mailbox* Data::byName(std::string_view name) {
  const auto found = std::find_if(mailboxes.begin(), mailboxes.end(), [&](auto& one) { return one.second.info.name == name; });
  return found == mailboxes.end() ? nullptr : &found->second;
}

Mailbox* Data::byId(const MailboxId& id) {
  const auto found = mailboxes.find(id);
  return found == mailboxes.end() ? nullptr : &found->second;
}

bool Data::hasBelow(std::string_view name) const {
  return std::any_of(mailboxes.begin(), mailboxes.end(), [&](auto& one) { return isBelow(one.second.info.name, name); });
}

Mailbox& Data::make(const std::string& name, SpecialUse specialUse) {
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

Mailbox& Data::makeAll(const std::string& name) {
  for (const std::string_view parent : parentsOf(name)) {
    if (byName(parent) == nullptr) make(std::string(parent), SpecialUse::none);
  }
  Mailbox* const there = byName(name);
  return there != nullptr ? *there : make(name, SpecialUse::none);
}

MailboxInfo Data::shown(const Mailbox& box) const {
  MailboxInfo info = box.info;
  info.subscribed = subscriptions.contains(info.name);
  return info;
}

Quota Data::used() const {
  Quota quota = limits;
  for (const auto& [id, box] : mailboxes) {
    quota.usedOctets += box.info.octets;
    quota.usedMessages += box.info.messages;
  }
  return quota;
}

Result<void> Data::admit(std::uint64_t octets, std::uint64_t messages) const {
  const Quota quota = used();
  if (quota.limitOctets != 0 && quota.usedOctets + octets > quota.limitOctets) return fail(Error::Kind::limit, "quota: octets");
  if (quota.limitMessages != 0 && quota.usedMessages + messages > quota.limitMessages) {
    return fail(Error::Kind::limit, "quota: messages");
  }
  return {};
}

Result<void> Data::check(const NewMessage& message) {
  if (const auto* const id = std::get_if<MailboxId>(&message.mailbox); id != nullptr && byId(*id) == nullptr) return fail(noMailbox());
  if (const auto* const name = std::get_if<std::string>(&message.mailbox)) {
    const Result<std::string> canonical = canonicalName(*name);
    if (!canonical) return fail(canonical.error());
  }
  std::vector<std::string> scratch;
  const Result<Flags> flags = resolveFlags(message.flags, scratch);
  if (!flags) return fail(flags.error());
  return {};
}

Result<Appended> Data::append(const NewMessage& from, std::string text, ModSeq stamp) {
  if (const auto seen = delivered.find(from.deliveryId); !from.deliveryId.empty() && seen != delivered.end()) {
    Appended again = seen->second;
    again.duplicate = true;
    return again;
  }
  const auto* const id = std::get_if<MailboxId>(&from.mailbox);
  Mailbox& box = id != nullptr ? *byId(*id) : makeAll(*canonicalName(std::get<std::string>(from.mailbox)));
  const Result<Flags> flags = resolveFlags(from.flags, box.info.keywords);
  if (!flags) return fail(flags.error());
  auto message = std::make_shared<Message>();
  message->emailId = from.emailId;
  message->internalDate = from.internalDate;
  message->columns = prepareColumns(text);
  message->threadId = threadOf(*message);
  message->uidl = from.uidl.empty() ? from.emailId.text() : from.uidl;
  message->content = std::make_shared<TextSource>(std::move(text));
  const Uid uid = box.put({*flags, stamp, toUnixMillis(SystemClock().now()) / 1000, std::move(message)});
  const Appended appended{box.info.id, box.info.uidValidity, uid, false};
  if (!from.deliveryId.empty()) delivered[from.deliveryId] = appended;
  return appended;
}

EmailId Data::threadOf(const Message& message) {
  const std::vector<std::string_view> keys = threadKeys(message.columns);
  EmailId thread = message.emailId;
  for (const std::string_view key : keys) {
    const auto known = threads.find(key);
    if (known == threads.end()) continue;
    thread = known->second;
    break;
  }
  for (const std::string_view key : keys) threads.emplace(key, thread);
  return thread;
}

void Data::remove(Mailbox& box, const UidSet& uids, ModSeq stamp) {
  for (const UidRange& range : uids.ranges()) {
    auto at = box.entries.lower_bound(range.first);
    while (at != box.entries.end() && at->first <= range.last) {
      box.count(at->second, false);
      at = box.entries.erase(at);
    }
  }
  box.expunged.emplace_back(stamp, uids);
  box.info.highestModSeq = stamp;
}

Result<Copied> Data::transfer(const MailboxId& from, const UidSet& uids, const MailboxId& to, Transfer how) {
  const bool moves = how == Transfer::move;
  Mailbox* const source = byId(from);
  Mailbox* const target = byId(to);
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
  if (const Result<void> admitted = admit(moves ? 0 : octets, moves ? 0 : chosen.size()); !admitted) {
    return fail(admitted.error());
  }
  const ModSeq stamp = ++modSeq;
  for (auto& [uid, entry] : chosen) {
    const Result<Flags> flags = resolveFlags(namesOf(entry.flags, source->info.keywords), target->info.keywords);
    if (!flags) return fail(flags.error());
    result.from.add(uid);
    result.to.add(target->put({*flags, stamp, toUnixMillis(SystemClock().now()) / 1000, entry.message}));
  }
  if (moves) remove(*source, result.from, stamp);
  if (moves) result.expunged = result.from;
  return result;
}

Result<void> Data::rename(const std::string& from, const std::string& to) {
  Mailbox* const box = byName(from);
  if (box == nullptr && !hasBelow(from)) return fail(noMailbox());
  if (byName(to) != nullptr) return fail(Error::Kind::exists, "mailbox exists");
  if (isBelow(to, from) && from != "INBOX") return fail(Error::Kind::denied, "a mailbox cannot move below itself");
  if (from == "INBOX") {
    const MailboxId target = makeAll(to).info.id;
    const Result<Copied> moved = transfer(box->info.id, UidSet::all(), target, Transfer::move);
    return moved ? Result<void>() : fail(moved.error());
  }
  for (const auto& [id, other] : mailboxes) {
    if (!isBelow(other.info.name, from)) continue;
    const Result<std::string> renamed = canonicalName(to + other.info.name.substr(from.size()));
    if (!renamed) return fail(renamed.error());
    if (byName(*renamed) != nullptr) return fail(Error::Kind::exists, "a child of that name exists");
  }
  for (const std::string_view parent : parentsOf(to)) makeAll(std::string(parent));
  ++modSeq;
  for (auto& [id, other] : mailboxes) {
    if (other.info.name == from || isBelow(other.info.name, from)) other.info.name = to + other.info.name.substr(from.size());
  }
  return {};
}

}  // namespace ostler::store::memory
