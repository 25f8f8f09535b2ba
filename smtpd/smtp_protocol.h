// smtp_protocol.h - smtpd's side of daemon/service.h: which listeners there are, and a session for each connection.
#pragma once

#include <memory>
#include <vector>

#include "libmailcore/daemon/service.h"
#include "smtpd/budget.h"

namespace ostler::smtpd {

/// All listeners of all virtual servers.
[[nodiscard]] std::vector<daemon::ListenerPlan> listenersOf(const config::Config& config);

/// `budget`: of the process; outlives the protocol.
[[nodiscard]] std::unique_ptr<daemon::Protocol> makeProtocol(const daemon::Worker& worker, Budget& budget);

}  // namespace ostler::smtpd
