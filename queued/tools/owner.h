// owner.h - whose files root's tools make: the daemons must be able to open them. Is not: who may use a tool.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "libmailcore/config/config.h"

namespace ostler::tools {

struct Owner {
  uid_t user;
  gid_t group;
};

/// Who owns what is made below `folder`: the folder's owner with that user's group, if it is not root's; else the suite's
/// configured user. Nothing when we are not root, or there is no such user: then it stays ours.
[[nodiscard]] std::optional<Owner> ownerBelow(const std::string& folder, const config::Config& config);

/// Gives one file or folder away; a failure shows when the daemon opens it.
void give(const std::string& path, const Owner& owner);

}  // namespace ostler::tools
