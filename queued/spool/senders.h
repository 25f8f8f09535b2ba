// senders.h - Senders: how much each user who logged in has sent, whom he has written to, and who is frozen for sending too much.
// Counting is policy/sending.h's; here it is kept over restarts, in queue/senders/senders.mdb. A freeze is on disk at once, counts
// after a second: a crash loses that second's. What the disk does not take is tried again each second.
// Users and recipients are recorded where `sending` limits them, and there alone.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "libmailcore/async/loop.h"
#include "libmailcore/async/pool.h"
#include "libmailcore/base/ascii.h"
#include "libmailcore/log/log.h"
#include "queued/policy/sending.h"

namespace ostler::spool {

/// One loop; what is read and written runs on the pool.
class Senders {
 public:
  /// Errors: temporary, denied: the file cannot be opened.
  [[nodiscard]] static Result<std::unique_ptr<Senders>> open(Loop& loop, Pool& disk, const std::string& folder, WallTime now, log::Log log);
  /// Begins anew at the next open(): what is there may be damaged.
  static void putAside(const std::string& folder);
  ~Senders();
  Senders(const Senders&) = delete;
  Senders& operator=(const Senders&) = delete;

  /// What a message to these is, with which of them are new to the user. Waits for the disk where `limits` count new ones.
  [[nodiscard]] Task<policy::Amount> amountOf(std::string user, std::vector<std::string> recipients, config::SendingLimits limits);
  /// Why the user may not send so much more; nothing: he may. Whoever goes over a limit is frozen.
  [[nodiscard]] std::optional<std::string> ask(const std::string& user, const config::SendingLimits& limits, const policy::Amount& more,
                                               WallTime now);
  /// As ask(), and nobody is frozen: for `ostler explain`.
  [[nodiscard]] std::optional<std::string> look(const std::string& user, const config::SendingLimits& limits, const policy::Amount& more,
                                                WallTime now) const;
  void count(const std::string& user, const policy::Amount& amount, const std::vector<std::string>& recipients, WallTime now);
  void takeBack(const std::string& user, const policy::Amount& amount);

  void freeze(const std::string& user, const std::string& reason, WallTime now);
  /// Lets a user send again, and forgets what he has sent. False: he was not frozen.
  bool thaw(const std::string& user);
  /// Told of each user that is frozen for sending too much: once, until he is lifted and goes over it again.
  using Tell = std::function<void(const std::string& user, const std::string& reason)>;
  void onExcess(Tell tell) { tell_ = std::move(tell); }
  [[nodiscard]] const std::unordered_map<std::string, policy::Sender>& all() const { return senders_; }

  /// Called at each change.
  void onChange(std::function<void()> tell) { tellChange_ = std::move(tell); }
  /// Is there something that the disk has not taken yet?
  [[nodiscard]] bool hasNotes() const;
  /// Hands what has changed to the pool, at most once a second.
  void flush(WallTime now);
  void flushNow();

 private:
  [[nodiscard]] static Result<std::unique_ptr<Senders>> openAsItIs(Loop& loop, Pool& disk, const std::string& folder, WallTime now, const log::Log& log);
  struct Book;
  Senders(Loop& loop, Pool& disk, std::shared_ptr<Book> book);
  void changed(const std::string& user);
  Loop& loop_;
  Pool& disk_;
  std::shared_ptr<Book> book_;  ///< jobs of the pool hold it as well
  std::unordered_map<std::string, policy::Sender> senders_;
  Tell tell_;
  std::function<void()> tellChange_;
  WallTime flushed_{};
};

}  // namespace ostler::spool
