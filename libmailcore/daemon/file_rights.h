// file_rights.h - the files that several processes of ours reach alike, in pieces from which each sandbox.cc puts its
// own list together. Is not: how a process is confined to them (confine.h).
#pragma once

#include <string>

#include "libmailcore/base/result.h"
#include "libmailcore/config/config.h"
#include "libmailcore/daemon/confine.h"

namespace ostler::daemon {

/// What a reload reads again: the configuration, the time zone; and the log's folder to write, since a rotated log is
/// opened anew.
[[nodiscard]] FileRights reloadFiles(const config::Config& config, const std::string& configFile);

/// Adds a file that stays readable when it is replaced by rename(2), as renewed certificates are.
void addReread(FileRights& rights, const config::Config& config, const std::string& file);

/// What reloadFiles() says, and the certificates: for a daemon that has listeners.
[[nodiscard]] FileRights listenerFiles(const config::Config& config, const std::string& configFile);

/// Adds the accounts and the sockets of notices. Accounts are entered through descriptors that auth hands over, but
/// landlock judges by path. Both folders are made when they are missing: a rule cannot name what is not there, and
/// would never cover it later.
void addMailboxes(FileRights& rights, const config::Config& config);

/// Config::user, no new privileges, these files, these system calls: in this order. Without landlock in the kernel the
/// user's own rights are the only wall around files.
[[nodiscard]] Result<void> confineTo(const config::Config& config, const FileRights& rights, SystemCalls calls);

}  // namespace ostler::daemon
