// mailbox_sandbox.h - what a daemon that serves mailboxes (imapd, pop3d) gives up before it listens to strangers.
#pragma once

#include <string>

#include "libmailcore/base/result.h"
#include "libmailcore/config/config.h"

namespace ostler::daemon {

/// The process: user and capabilities, new rights, files, outgoing connections, system calls. After the listeners are
/// bound, before any thread starts. Errors: permanent.
[[nodiscard]] Result<void> confineMailboxProcess(const config::Config& config, const std::string& configFile);
/// A worker thread, which talks to strangers: opens no file and makes no socket but a Unix one. Mail is read on the
/// store's threads.
[[nodiscard]] Result<void> confineMailboxWorker();

}  // namespace ostler::daemon
