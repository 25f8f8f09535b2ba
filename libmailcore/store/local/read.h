// read.h - what the store's interface reads: from the index in short transactions, content opened from the log.
// Semantics are those of store.h. Throws IndexFailure.
#pragma once

#include <string>
#include <vector>

#include "libmailcore/store/local/account.h"

namespace ostler::store::local {

[[nodiscard]] Result<std::vector<MailboxInfo>> listMailboxes(AccountFolder& folder);
[[nodiscard]] Result<MailboxInfo> findMailbox(AccountFolder& folder, const std::string& name);
[[nodiscard]] Result<MailboxInfo> findMailbox(AccountFolder& folder, const MailboxId& id);
[[nodiscard]] Result<Account::Uids> listUids(AccountFolder& folder, const MailboxId& id);
[[nodiscard]] Result<void> visitMessages(AccountFolder& folder, const MailboxId& id, const UidSet& uids, Columns columns, Visitor& visitor);
[[nodiscard]] Result<Changes> readChanges(AccountFolder& folder, const MailboxId& id, ModSeq since);
[[nodiscard]] Result<Quota> readQuota(AccountFolder& folder, Quota limits);

}  // namespace ostler::store::local
