// smtp_protocol.h - smtpd's side of daemon/service.h: which listeners there are, and a session for each connection.
#pragma once

#include <memory>
#include <vector>

#include "libmailcore/daemon/service.h"
#include "libmailcore/receiving/rates.h"
#include "smtpd/budget.h"

namespace ostler::smtpd {

/// All listeners of all virtual servers.
[[nodiscard]] std::vector<daemon::ListenerPlan> listenersOf(const config::Config& config);

/// `budget` and `rates`: of the process; they outlive the protocol.
[[nodiscard]] std::unique_ptr<daemon::Protocol> makeProtocol(const daemon::Worker& worker, Budget& budget, receiving::Rates& rates);

}  // namespace ostler::smtpd
