// refusals.h - why a process would refuse a new configuration that has no errors, found before any of them has taken it: a process that
// keeps the old while the others have the new breaks the suite in two. Is not: which files they have the right to read (reach.h).
#pragma once

#include <string>
#include <vector>

#include "libmailcore/config/config.h"

namespace ostler::daemon {

/// In words, a reason each. Empty: all will take it. Certificates are loaded as the processes load them, and new listeners bound and let
/// go again; `taken` is what they run with. Blocks as files do. Nobody else's sockets are touched: a Unix socket's path is not tried.
[[nodiscard]] std::vector<std::string> refusals(const config::Config& taken, const config::Config& next);

/// Can the configuration not be read again once it is replaced? Its folder holds what processes must not reach, so that they were given
/// the file alone, and an editor's new file is another one.
[[nodiscard]] bool standsAlone(const config::Config& config, const std::string& configFile);

}  // namespace ostler::daemon
