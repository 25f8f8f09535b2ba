// pop3_protocol.h - POP3 on the scaffolding of libmailcore/daemon: sessions of one worker thread, and what they share.
#pragma once

#include <memory>
#include <vector>

#include "libmailcore/async/pool.h"
#include "libmailcore/daemon/service.h"
#include "libmailcore/store/local_store.h"

namespace ostler::pop3 {

/// What all workers of the process share.
struct ProcessShared {
  std::shared_ptr<store::LocalShared> store;
  Pool reading{"pop3-read", 2};
};

[[nodiscard]] std::vector<daemon::ListenerPlan> listenersOf(const config::Config& config);
/// `shared` outlives it.
[[nodiscard]] std::unique_ptr<daemon::Protocol> makeProtocol(const daemon::Worker& worker, ProcessShared& shared);

}  // namespace ostler::pop3
