// route_faults.h - routes that say what cannot be, or lead back to this server. Is not: their names one by one; see names.h.
#pragma once

#include <functional>
#include <vector>

#include "libmailcore/config/config.h"

namespace ostler::config {

/// `fallback`: where outbound.fallback_relays stands. `isOurs`: does this server listen there?
[[nodiscard]] std::vector<Problem> faultsOfRoutes(const Config& config, const Place& fallback, const std::function<bool(const net::Endpoint&)>& isOurs);

}  // namespace ostler::config
