// data.h - the state of one account in memory: mailboxes with their messages and counters, and what changes them. No loop, no task.
// Is not: the Account of store.h; see account.h.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libmailcore/store/columns.h"
#include "libmailcore/store/store.h"

namespace ostler::store::memory {

struct Message {
  EmailId emailId;
  EmailId threadId;
  std::int64_t internalDate = 0;
  std::string uidl;
  PreparedColumns columns;
  std::shared_ptr<const ContentSource> content;
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
  Data();  ///< with the mailboxes of a new account

  Quota limits;
  ModSeq modSeq = 1;
  std::uint32_t lastUidValidity = 0;
  std::map<MailboxId, Mailbox> mailboxes;
  std::set<std::string> subscriptions;
  std::map<std::string, Appended> delivered;
  std::map<std::string, EmailId, std::less<>> threads;
  std::list<std::function<void(ChangeHint)>> watchers;
  bool maildropLocked = false;

  [[nodiscard]] Mailbox* byName(std::string_view name);
  [[nodiscard]] Mailbox* byId(const MailboxId& id);
  [[nodiscard]] bool hasBelow(std::string_view name) const;
  Mailbox& make(const std::string& name, SpecialUse specialUse);
  Mailbox& makeAll(const std::string& name);  ///< with its parents, unless it is there
  [[nodiscard]] MailboxInfo shown(const Mailbox& box) const;
  [[nodiscard]] Quota used() const;
  [[nodiscard]] Result<void> admit(std::uint64_t octets, std::uint64_t messages) const;

  /// What would be refused for its mailbox or its flags.
  [[nodiscard]] Result<void> check(const NewMessage& message);
  [[nodiscard]] Result<Appended> append(const NewMessage& from, std::string text, ModSeq stamp);
  void remove(Mailbox& box, const UidSet& uids, ModSeq stamp);
  enum class Transfer { copy, move };
  [[nodiscard]] Result<Copied> transfer(const MailboxId& from, const UidSet& uids, const MailboxId& to, Transfer how);
  [[nodiscard]] Result<void> rename(const std::string& from, const std::string& to);

 private:
  EmailId threadOf(const Message& message);
};

[[nodiscard]] Error noMailbox();
/// The octets of a message on its way in. Errors: temporary.
[[nodiscard]] Result<std::string> contentOf(const NewMessage& message);
[[nodiscard]] MessageRow rowOf(Uid uid, const Entry& entry, Columns columns);

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

}  // namespace ostler::store::memory
