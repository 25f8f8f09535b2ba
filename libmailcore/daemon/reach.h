// reach.h - which files of a new configuration the running processes cannot reach: each gave up all folders but those that the one it
// started with names, and that cannot be taken back (landlock(7)). Is not: what a process is given; that is its sandbox.cc.
#pragma once

#include <string>
#include <vector>

#include "libmailcore/config/config.h"

namespace ostler::daemon {

/// In words, a file each: what must be restarted for it. Empty: a reload will do.
[[nodiscard]] std::vector<std::string> outOfReach(const config::Config& atStart, const config::Config& now, const std::string& configFile);

/// Does this kernel confine processes to files at all?
[[nodiscard]] bool confinesToFiles();

}  // namespace ostler::daemon
