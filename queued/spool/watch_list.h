// watch_list.h - WatchList: whose sessions an administrator reads along; smtpd hears of each change. In memory: a restart ends it.
// Is not: the transcript, which smtpd writes to its log with secrets left out (smtpd/transcript.h).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "libmailcore/ipc/socket.h"
#include "libmailcore/ipc/watches.h"

namespace ostler::spool {

/// One loop.
class WatchList {
 public:
  explicit WatchList(Loop& loop) : loop_(loop) {}
  /// Answers AwaitWatches.
  void serve(ipc::Server& server);

  /// Errors: limit (too many), syntax (neither client nor user, or no address or network).
  [[nodiscard]] Result<void> add(ipc::Watch watch, WallTime now);
  /// How many ended; both empty: all.
  std::size_t remove(const std::string& client, const std::string& user);
  [[nodiscard]] const std::vector<ipc::Watch>& all() const { return now_.list; }
  void dropOver(WallTime now);

 private:
  [[nodiscard]] Task<Result<ipc::Watches>> await(std::uint64_t version);
  void changed();
  Loop& loop_;
  ipc::Watches now_{1, {}};
  std::vector<std::shared_ptr<Signal>> waiting_;
};

}  // namespace ostler::spool
