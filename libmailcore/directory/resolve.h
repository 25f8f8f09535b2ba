// resolve.h - where an address of ours leads: aliases expanded, each mailbox once, every step told in words.
// Is not: where mail for elsewhere goes; see queued/route.
// RFC 5321 3.9 (aliases and lists), 4.5.1 (postmaster); RFC 5233 (tags, "detail" there).
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "libmailcore/config/config.h"
#include "libmailcore/directory/directory.h"
#include "libmailcore/ipc/directory.h"
#include "libmailcore/ipc/login.h"

namespace ostler::directory {

struct ResolveOptions {
  std::string tagSeparator = "+";  ///< any of these characters begins a tag; empty: no tags
  bool files = false;              ///< may aliases lead to files
  bool pipes = false;              ///< may aliases lead to programs
  std::string postmaster;          ///< an address; empty: the first administrator
  std::string systemAccounts;      ///< an address, who reads mail for accounts of this machine; empty: nobody
  std::string hostName;            ///< by which, beside localhost and no domain at all, such accounts are named
  std::function<bool(const std::string& name)> isSystemAccount;  ///< may block
  /// Reads an :include: file. Errors: temporary, denied.
  std::function<Result<std::string>(const std::string& path)> readInclude;
};

[[nodiscard]] ResolveOptions resolveOptions(const config::Config& config);

/// Blocks as the directory does. A bare local part means the default domain. The domain of the postmaster of RFC
/// 5321 4.5.1 is the default one. Errors: syntax (not an address); temporary (directory or list not readable: defer);
/// denied (a list that others may write). Of what leads to more than kMostPlaces, or has a list of more than
/// 16 MiB, the answer is tooMany, with the reason as its last step.
[[nodiscard]] Result<ipc::Resolution> resolve(Directory& directory, const ResolveOptions& options,
                                              std::string_view address);

/// The account of a user as the rest of the suite may know it. The user's own limits win over the domain's.
[[nodiscard]] ipc::Account accountOf(const User& user, const Domain& domain);

}  // namespace ostler::directory
