// operations.h - each change of the store's interface as a plan: look at the index, check, say what happens as log records.
// Semantics are those of store.h. Throws IndexFailure.
#pragma once

#include <string>
#include <vector>

#include "libmailcore/store/local/account.h"

namespace ostler::store::local {

[[nodiscard]] Result<MailboxInfo> planCreate(Planner& planner, const std::string& name, SpecialUse specialUse);
[[nodiscard]] Result<void> planDelete(Planner& planner, const std::string& name);
[[nodiscard]] Result<void> planRename(Planner& planner, const std::string& from, const std::string& to);
[[nodiscard]] Result<void> planSubscribe(Planner& planner, const std::string& name, bool subscribed);
[[nodiscard]] Result<FlagsChanged> planFlags(Planner& planner, const MailboxId& id, const UidSet& uids, const FlagsOperation& operation);
enum class Transfer { copy, move };
[[nodiscard]] Result<Copied> planTransfer(Planner& planner, const MailboxId& from, const UidSet& uids, const MailboxId& to, Transfer how);
[[nodiscard]] Result<UidSet> planExpunge(Planner& planner, const MailboxId& id, const UidSet& among, Account::Expunge which);

/// The mailbox of that canonical name, made with its parents when it is missing.
MailboxNumber ensureMailbox(Planner& planner, const std::string& canonical, SpecialUse specialUse);
/// Errors: limit.
[[nodiscard]] Result<void> checkQuota(const Planner& planner, std::uint64_t octets, std::uint64_t messages);
[[nodiscard]] MailboxInfo shownInfo(const Txn& txn, const MailboxRow& row);
[[nodiscard]] Error noSuchMailbox();

/// The six mailboxes of a new account; nothing when there are mailboxes.
class InitialMailboxes final : public Operation {
 public:
  Result<void> plan(Planner& planner) override;
  void done(Result<void> result) override { outcome = std::move(result); }
  Result<void> outcome;
};

}  // namespace ostler::store::local
