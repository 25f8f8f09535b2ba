// local_store.h - how a daemon makes the store that lies in folders of this machine. See local/ for how it works.
#pragma once

#include <chrono>
#include <memory>

#include "libmailcore/async/pool.h"
#include "libmailcore/journal/disk.h"
#include "libmailcore/log/log.h"
#include "libmailcore/store/store.h"

namespace ostler::store {

/// What all workers of one process share: the cache of open accounts (LRU, 1,024), the pools, the sockets for hints. Any thread.
class LocalShared;

struct LocalOptions {
  std::string notifyDir;       ///< where processes leave their datagram sockets for change hints: runDir + "/notify"
  std::size_t openAccounts = 1024;
  unsigned readThreads = 4;
  unsigned writeThreads = 8;
  std::chrono::milliseconds lockWait{10'000};  ///< how long a change waits for another process that writes the same account
  log::Log log;
  const journal::Disk* disk = &journal::Disk::real();  ///< under log and large messages; tests fail its calls. Outlives all
};

/// Errors: permanent (notifyDir cannot be made).
[[nodiscard]] Result<std::shared_ptr<LocalShared>> makeLocalShared(LocalOptions options);
[[nodiscard]] std::unique_ptr<Store> makeLocalStore(Loop& loop, std::shared_ptr<LocalShared> shared);

}  // namespace ostler::store
