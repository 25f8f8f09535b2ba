// port_holder.h - which other program holds a port that is to be ours. Only root sees whose sockets there are.
// proc(5): /proc/net/tcp, /proc/PID/fd; cgroups(7): /proc/PID/cgroup.
#pragma once

#include <string>

#include "queued/health/probe.h"

namespace ostler::tools {

/// "exim4 (process 812 of exim4.service)"; empty: nobody, one of the suite, or it cannot be told.
[[nodiscard]] std::string strangerAt(const net::Endpoint& address);
/// What is wrong with a listener that does not answer, and what to do.
[[nodiscard]] std::string faultOf(const health::Probe& probe);

}  // namespace ostler::tools
