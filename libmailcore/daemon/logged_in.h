// logged_in.h - LoggedIn: who is logged in on one worker. Whenever the directory has changed auth is asked who of them was disabled or
// removed, and those sessions are told. Is not: how many sessions an account may have (imapd/context.h).
#pragma once

#include <functional>
#include <list>
#include <map>
#include <utility>
#include <vector>

#include "libmailcore/async/loop.h"
#include "libmailcore/base/ids.h"
#include "libmailcore/ipc/login.h"
#include "libmailcore/ipc/socket.h"

namespace ostler::daemon {

/// One loop. Outlives its places. While nobody is logged in nothing is asked; while auth is away everybody stays.
class LoggedIn {
  using Sessions = std::list<std::function<void()>>;

 public:
  LoggedIn(Loop& loop, ipc::Client& auth) : loop_(loop), auth_(auth), tasks_(loop) {}
  LoggedIn(const LoggedIn&) = delete;
  LoggedIn& operator=(const LoggedIn&) = delete;

  /// A session's presence. It leaves when this goes.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept : of_(std::exchange(other.of_, nullptr)), account_(other.account_), at_(other.at_) {}
    Place& operator=(Place&& other) noexcept {
      if (this != &other) {
        leave();
        of_ = std::exchange(other.of_, nullptr);
        account_ = other.account_;
        at_ = other.at_;
      }
      return *this;
    }
    ~Place() { leave(); }

   private:
    friend class LoggedIn;
    Place(LoggedIn& of, const Id128& account, Sessions::iterator at) : of_(&of), account_(account), at_(at) {}
    void leave() {
      if (auto* const of = std::exchange(of_, nullptr)) of->left(account_, at_);
    }
    LoggedIn* of_ = nullptr;
    Id128 account_;
    Sessions::iterator at_;
  };

  /// Of the directory, as far as it has been heard of here. Taken before a login begins: what changes until the session has its place is
  /// looked for then.
  [[nodiscard]] std::uint64_t directoryVersion() const { return version_; }
  /// `onShutOut` must neither resume nor destroy a session: `[&] { connection.interruptRead(); }` is what it is for.
  [[nodiscard]] Place enter(const ipc::Account& account, std::uint64_t versionBefore, std::function<void()> onShutOut);

 private:
  struct Row {
    ipc::Account account;
    Sessions sessions;
  };
  void left(const Id128& account, Sessions::iterator at);
  [[nodiscard]] Task<void> follow();
  [[nodiscard]] Task<void> askAbout(std::vector<ipc::Account> accounts);
  [[nodiscard]] std::vector<ipc::Account> everybody() const;

  Loop& loop_;
  ipc::Client& auth_;
  std::map<Id128, Row> rows_;
  std::uint64_t version_ = 0;
  bool following_ = false;
  TaskScope tasks_;  // last: its tasks use all of the above
};

}  // namespace ostler::daemon
