// pop3_protocol.h - POP3 on the scaffolding of libmailcore/daemon: sessions of one worker thread, and what they share.
#pragma once

#include <memory>

#include "libmailcore/daemon/mailbox_daemon.h"

namespace ostler::pop3 {

/// `shared` outlives it.
[[nodiscard]] std::unique_ptr<daemon::Protocol> makeProtocol(const daemon::Worker& worker, daemon::MailboxShared& shared);

}  // namespace ostler::pop3
