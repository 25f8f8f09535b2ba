// imap_protocol.h - IMAP on the scaffolding of libmailcore/daemon: sessions of one worker thread, and what they share.
#pragma once

#include <memory>
#include <vector>

#include "libmailcore/daemon/service.h"
#include "libmailcore/store/local_store.h"

#include "imapd/context.h"

namespace ostler::imap {

/// What all workers of the process share.
struct ProcessShared {
  std::shared_ptr<store::LocalShared> store;
  Pool reading{"imap-read", 2};
  UserConnections users;
};

[[nodiscard]] std::vector<daemon::ListenerPlan> listenersOf(const config::Config& config);
/// `shared` outlives it.
[[nodiscard]] std::unique_ptr<daemon::Protocol> makeProtocol(const daemon::Worker& worker, ProcessShared& shared);

}  // namespace ostler::imap
