// context.h - what the sessions of one worker share, and what one connection brings along.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "libmailcore/async/loop.h"
#include "libmailcore/async/pool.h"
#include "libmailcore/base/clock.h"
#include "libmailcore/base/ids.h"
#include "libmailcore/config/config.h"
#include "libmailcore/daemon/logged_in.h"
#include "libmailcore/ipc/socket.h"
#include "libmailcore/log/log.h"
#include "libmailcore/net/stream.h"
#include "libmailcore/net/tls.h"
#include "libmailcore/store/store.h"

namespace ostler::imap {

/// How many sessions each account has, over all workers of the process. Any thread.
class UserConnections {
 public:
  /// One session's place; given back when it goes.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept : of_(std::exchange(other.of_, nullptr)), account_(other.account_) {}
    Place& operator=(Place&& other) noexcept {
      leave();
      of_ = std::exchange(other.of_, nullptr);
      account_ = other.account_;
      return *this;
    }
    ~Place() { leave(); }
    [[nodiscard]] explicit operator bool() const { return of_ != nullptr; }

   private:
    friend class UserConnections;
    Place(UserConnections* of, Id128 account) : of_(of), account_(account) {}
    void leave() {
      if (auto* const of = std::exchange(of_, nullptr)) of->left(account_);
    }
    UserConnections* of_ = nullptr;
    Id128 account_;
  };
  /// An empty place when the account has `most` already; 0: unlimited.
  [[nodiscard]] Place enter(const Id128& account, std::uint64_t most) {
    const std::lock_guard lock(mutex_);
    std::uint64_t& count = counts_[account];
    if (most != 0 && count >= most) return {};
    ++count;
    return {this, account};
  }

 private:
  void left(const Id128& account) {
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(account);
    if (--found->second == 0) counts_.erase(found);
  }
  std::mutex mutex_;
  std::map<Id128, std::uint64_t> counts_;
};

/// Of one worker; outlives its sessions.
struct Worker {
  Loop& loop;
  ipc::Client& auth;
  store::Store& store;
  Pool& reading;  ///< for large content on its way to a client
  UserConnections& users;
  daemon::LoggedIn& loggedIn;
  const Clock& clock;
  log::Log log;
  std::uint64_t appendOctets = 0;  ///< held in memory by APPENDs that have not come to their end
};

/// One accepted connection. TLS is up already on a listener with implicit TLS.
struct Accepted {
  std::unique_ptr<net::Stream> stream;
  net::Endpoint peer;
  net::Endpoint local;
  std::shared_ptr<const config::Config> config;
  std::shared_ptr<const net::TlsServerContext> startTls;  ///< null: STARTTLS is not offered
};

}  // namespace ostler::imap
