// mailbox_daemon.h - a daemon that serves mailboxes: what imapd and pop3d have beside the daemon around any protocol (service.h):
// a store, threads that read for it, and auth's socket.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "libmailcore/async/pool.h"
#include "libmailcore/base/clock.h"
#include "libmailcore/daemon/logged_in.h"
#include "libmailcore/daemon/service.h"
#include "libmailcore/ipc/socket.h"
#include "libmailcore/store/local_store.h"

namespace ostler::daemon {

/// What all workers of the process share.
struct MailboxShared {
  std::shared_ptr<store::LocalShared> store;
  Pool reading;  ///< for content on its way to a client that is not in the page cache
};

/// What each worker thread has of its own.
struct MailboxClients {
  MailboxClients(const Worker& worker, const MailboxShared& shared);
  SystemClock clock;
  ipc::Client auth;
  std::unique_ptr<store::Store> store;
  LoggedIn loggedIn;
};

/// `group` counts the connections of all these listeners together.
[[nodiscard]] std::vector<ListenerPlan> plansOf(const std::vector<config::Listener>& listeners, const std::string& group,
                                                std::uint64_t connections);

/// Runs a daemon whose protocol `make` makes for each worker. `daemon` has all but the protocol and the sandbox. What is shared outlives the workers.
[[nodiscard]] int runWithMailboxes(Daemon daemon, std::function<std::unique_ptr<Protocol>(const Worker&, MailboxShared&)> make,
                                   int argc, char** argv);

}  // namespace ostler::daemon
