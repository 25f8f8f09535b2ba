// simulate.h - what a schedule does with mail to a host that never answers, on a virtual clock.
#pragma once

#include <string>

#include "libmailcore/config/config.h"

namespace ostler::tools {

struct Simulation {
  std::string domain;  ///< whose route; empty: none
  std::string id;      ///< of a message in the queue: each of its recipients, from its arrival on
  std::string at;      ///< HH:MM of arrival, for routes with hours; empty: now
  std::string server;  ///< the virtual server by which it came; empty: the first one
};
/// Returns the exit status.
int simulate(const config::Config& config, const Simulation& asked);

}  // namespace ostler::tools
