// notify.h - telling other processes that an account changed: datagrams to the sockets they leave in one folder, never polling.
//
// A process that listens has two files there: `NAME.sock`, a datagram socket, and `NAME.map`, shared memory of 4 KiB: octet 0 is
// set when a hint was lost because the socket was full (then everything may have changed), octet n when it watches an account
// that hashes to n. A sender writes to those alone that watch, so a change wakes nobody else.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "libmailcore/async/loop.h"
#include "libmailcore/base/unique_fd.h"
#include "libmailcore/log/log.h"
#include "libmailcore/store/store.h"

namespace ostler::store::local {

/// One of them in each process. Any thread.
class Notifier {
 public:
  /// Errors: permanent (the folder or the socket cannot be made).
  [[nodiscard]] static Result<std::unique_ptr<Notifier>> make(const std::string& folder, log::Log log);
  ~Notifier();
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  /// Calls back on the loop. REQUIRES: watch() and the Watch's end are on that loop.
  [[nodiscard]] std::unique_ptr<Watch> watch(Loop& loop, const Id128& account, std::function<void(ChangeHint)> callback);
  /// Tells all watchers, here and in other processes. Never blocks.
  void tell(const Id128& account, const std::vector<ChangeHint>& hints);

 private:
  struct Registration;
  struct Peer;
  class Registered;
  Notifier() = default;
  void listen();
  void tellHere(const Id128& account, const ChangeHint& hint);
  void tellAllHere();
  void tellPeers(const Id128& account, const ChangeHint& hint);
  void refreshPeers();
  void unwatch(const std::shared_ptr<Registration>& registration);

  std::string folder_;
  std::string name_;
  log::Log log_;
  UniqueFd folderFd_;
  UniqueFd socket_;
  UniqueFd wake_;
  unsigned char* map_ = nullptr;
  std::thread thread_;
  std::mutex watchersMutex_;
  std::multimap<Id128, std::shared_ptr<Registration>> watchers_;
  std::mutex peersMutex_;
  std::vector<std::shared_ptr<Peer>> peers_;
  std::int64_t peersAsOf_ = -1;  // nanoseconds: the folder's mtime
};

}  // namespace ostler::store::local
