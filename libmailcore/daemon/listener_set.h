// listener_set.h - the sockets that the configuration asks for: bound once, shared out to the workers, compared on reload.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "libmailcore/daemon/worker_thread.h"

namespace ostler::daemon {

/// The main thread's. TCP listeners have a socket per worker (SO_REUSEPORT); Unix and inherited ones share one.
class ListenerSet {
 public:
  /// Takes what LISTEN_FDS brought; those are used wherever the configuration names their address.
  ListenerSet();

  /// For each worker what it shall listen to from now on. Either all of it works or nothing changes.
  /// Errors: those of net::listenOn; temporary: systemd was to hand sockets over and has none now.
  [[nodiscard]] Result<std::vector<std::vector<BoundListener>>> change(const std::vector<ListenerPlan>& plans, unsigned workers);

 private:
  [[nodiscard]] Result<std::vector<UniqueFd>> bind(const net::Endpoint& at, unsigned workers) const;
  [[nodiscard]] Error whyNone(const Error& error, const net::Endpoint& at) const;
  std::map<net::Endpoint, UniqueFd> inherited_;
  std::set<net::Endpoint> bound_;
};

}  // namespace ostler::daemon
