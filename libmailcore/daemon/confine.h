// confine.h - how a process gives up what it does not need: user, capabilities, files, system calls. Linux.
// Is not: which of it; each daemon's sandbox.cc says that on one screen. What is given up never comes back.
#pragma once

#include <string>
#include <vector>

#include "libmailcore/base/result.h"

namespace ostler::daemon {

/// Becomes that user, with its groups and without root's capabilities; CAP_NET_BIND_SERVICE stays where it was there, so that a
/// reload can add listeners below 1024. Does nothing when `user` is empty or we are not root. Errors: permanent.
[[nodiscard]] Result<void> becomeUser(const std::string& user);

/// Of root's capabilities these alone stay, here and in what this thread starts; every other user has none to give up. Numbers of
/// capabilities(7). REQUIRES: no other thread yet. Errors: permanent.
[[nodiscard]] Result<void> keepCapabilities(const std::vector<unsigned>& kept);

/// No program this process starts gains rights. prctl(2) PR_SET_NO_NEW_PRIVS.
[[nodiscard]] Result<void> noNewPrivileges();

/// What the file system looks like from now on, by landlock(7): only these trees (or single files). Of TCP, only binding;
/// no connection goes out unless `connectTcp`.
struct FileRights {
  std::vector<std::string> read;       ///< files and folders to be read; those that are not there are passed over
  std::vector<std::string> readWrite;  ///< also written, made, renamed and removed
  enum class OutgoingTcp { denied, allowed } outgoingTcp = OutgoingTcp::denied;
};
/// For this thread and those it starts. True: in force. False: this kernel has no landlock. Errors: permanent.
[[nodiscard]] Result<bool> restrictFiles(const FileRights& rights);

/// System calls that are answered with EPERM from now on are all but an allow list. seccomp(2), for this thread and those it starts.
enum class SystemCalls {
  process,  ///< what a daemon of ours does: no program is started, nobody traced, nothing mounted
  keeper,   ///< of those, what keeps mail on disk needs besides (links, locks, leases, notices); sockets are Unix ones alone
  worker,   ///< of those of `process`, no file is opened by name and no socket made but a Unix one
};
[[nodiscard]] Result<void> restrictSystemCalls(SystemCalls allowed);

/// What must stay readable so that `file` can be read again on reload, also when it was replaced by rename(2): its folder, if
/// nothing of `secret` lies below that; else `file` and the conf.d beside it alone.
[[nodiscard]] std::vector<std::string> pathsToRereadOf(const std::string& file, const std::vector<std::string>& secret);

}  // namespace ostler::daemon
