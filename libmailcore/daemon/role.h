// role.h - runRole: the life of a process with one loop and no workers: configuration, log, signals, reload, drain, watchdog.
// Is not: what it serves, which is a Role; nor a daemon with listeners for strangers (service.h). sysexits(3), sd_notify(3).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "libmailcore/async/loop.h"
#include "libmailcore/config/config.h"
#include "libmailcore/log/log.h"

namespace ostler::daemon {

/// One process's work, on one loop. Made before the loop runs; it goes when the loop has ended.
class Role {
 public:
  virtual ~Role() = default;
  /// SIGHUP: what begins from now on uses the new snapshot. Errors: any; then the old one stays and the reason is logged.
  [[nodiscard]] virtual Result<void> use(std::shared_ptr<const config::Config> config) = 0;
  /// SIGTERM: takes nothing new; returns when the loop may stop, which `ostler stop` wants within 10 s.
  [[nodiscard]] virtual Task<void> drain() = 0;
};

/// What a role is made of.
struct RoleStart {
  Loop& loop;
  const std::string& configFile;
  std::shared_ptr<const config::Config> config;
  log::Log log;
};

/// Why it does not start: an exit status, and words for standard error.
struct RoleRefusal {
  int status = 0;
  std::string why;
};
using RoleMade = tl::expected<std::unique_ptr<Role>, RoleRefusal>;

/// Reads the configuration, makes the role, serves until SIGTERM or SIGINT and returns the process's exit status. `name`:
/// "queued/spool", for the log and standard error.
[[nodiscard]] int runRole(const std::string& configFile, const std::string& name, const std::function<RoleMade(RoleStart)>& make);

}  // namespace ostler::daemon
