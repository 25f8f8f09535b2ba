// check.h - what is wrong with a directory as a whole: the part of `ostler check` that looks at domains, users and
// aliases.
#pragma once

#include <string>
#include <vector>

#include "libmailcore/config/config.h"
#include "libmailcore/directory/own/own_directory.h"

namespace ostler::directory {

/// Sentences that an administrator can act on: what, where, remedy. Places are the directory's path, without a line.
/// error: postmaster of a domain reaches nobody. warning: an alias that leads nowhere or in a circle, a catch-all that
/// does, a postmaster whom nobody named, or who is named and not there, no domain at all.
[[nodiscard]] std::vector<config::Problem> checkDirectory(OwnDirectory& directory, const config::Config& config);

}  // namespace ostler::directory
