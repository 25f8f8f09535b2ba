// imap_protocol.h - IMAP on the scaffolding of libmailcore/daemon: sessions of one worker thread, and what they share.
#pragma once

#include <memory>

#include "libmailcore/daemon/mailbox_daemon.h"

#include "imapd/context.h"

namespace ostler::imap {

/// `shared` and `users` outlive it.
[[nodiscard]] std::unique_ptr<daemon::Protocol> makeProtocol(const daemon::Worker& worker, daemon::MailboxShared& shared,
                                                             UserConnections& users);

}  // namespace ostler::imap
