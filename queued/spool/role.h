// role.h - Role: the parts of role spool put together around one queue folder, on one loop.
// Is not: the process; signals, sandbox, sd_notify and the store of this machine are spool.cc's. Tests hold one with a memory store.
#pragma once

#include <memory>
#include <string>

#include "libmailcore/config/config.h"
#include "libmailcore/log/log.h"
#include "libmailcore/store/store.h"

namespace ostler::spool {

/// One loop.
class Role {
 public:
  /// What the spool owns; before the sandbox closes, since it cannot be made from inside. Errors: permanent.
  [[nodiscard]] static Result<void> makeFolders(const config::Config& config);
  /// Waits for the queue's lock, replays the journal. REQUIRES: the folders. Errors: permanent (format), temporary (locked).
  [[nodiscard]] static Result<std::unique_ptr<Role>> open(Loop& loop, const Clock& clock, std::shared_ptr<const config::Config> config,
                                                          store::Store& store, log::Log log);
  ~Role();
  Role(const Role&) = delete;
  Role& operator=(const Role&) = delete;

  /// Listens on smtpd.sock, submit.sock and control.sock, and starts what is due. Errors: exists, permanent.
  [[nodiscard]] Result<void> start();
  /// A new snapshot for what begins from now on.
  void use(std::shared_ptr<const config::Config> config);
  /// Takes nothing new, lets commits and deliveries end, and returns when all that happened is written down, or at the deadline.
  [[nodiscard]] Task<void> drain(Deadline deadline);

 private:
  struct Parts;
  explicit Role(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace ostler::spool
