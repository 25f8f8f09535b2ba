// admission.h - from an accepted socket to a session: PROXY header, limits, implicit TLS.
#pragma once

#include "libmailcore/daemon/service.h"

namespace ostler::daemon {

/// Reads the PROXY header off the stream and nothing behind it. Errors: timeout, closed, syntax.
[[nodiscard]] Task<Result<std::optional<net::Endpoint>>> readProxyHeader(net::Stream& stream, Deadline deadline);

/// Admits a connection and runs its session to the end.
[[nodiscard]] Task<void> admit(Protocol& protocol, Loop& loop, const Daemon& daemon, log::Log log,
                               std::shared_ptr<ConnectionCounts> counts, Arrival arrival);

}  // namespace ostler::daemon
