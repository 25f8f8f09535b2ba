// roles.h - which of the processes that no client connects to answer. Is not: who listens; see health/probe.h.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "libmailcore/config/config.h"

namespace ostler::tools {

struct RoleAnswer {
  std::string role;  ///< "spool", "auth" or "out"
  std::string socket;
  bool up = false;
};

/// The spool is asked, and asks the others. Their sockets are open while they stand still, systemd's even while nobody is behind
/// them: so that a connection proves nothing. Waits five seconds at most.
[[nodiscard]] std::vector<RoleAnswer> askRoles(const config::Config& config);

/// False: the spool's socket is closed to who asks, so that nothing can be told of the processes behind it.
[[nodiscard]] bool mayAskRoles(const config::Config& config);

/// What the spool answers to a command, as JSON; null when it does not.
[[nodiscard]] nlohmann::json askSpool(const config::Config& config, std::vector<std::string> words);

}  // namespace ostler::tools
