// maintenance.h - looking after one account of the store of this machine: check, rebuild, compact. For tools and for the store itself.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libmailcore/base/result.h"

namespace ostler::store {

// REQUIRES of all: this process has not opened the account through a Store (one LMDB environment per path and process).

/// What was found, in words for an administrator.
struct CheckReport {
  std::uint64_t mailboxes = 0;
  std::uint64_t messages = 0;
  std::uint64_t octets = 0;
  std::vector<std::string> problems;  ///< empty: all is well
  std::vector<std::string> repaired;
};

/// Reads everything: the log batch by batch, every message against its checksum, and the index against what the log says.
/// `folder`: the account's, O_PATH will do. Changes nothing. Blocks; holds the account's lock meanwhile (readers go on).
/// Errors: temporary (lock not had, disk), permanent (no account there).
[[nodiscard]] Result<CheckReport> checkAccount(int folder);
/// Makes the index anew from the log, in one transaction: sessions in other processes see the old or the new. Removes files that
/// nothing refers to. An index that cannot be opened at all is replaced; processes that have it open must be restarted then.
[[nodiscard]] Result<CheckReport> rebuildAccount(int folder);

}  // namespace ostler::store
