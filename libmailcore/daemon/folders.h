// folders.h - folders of the suite that are made by whichever process starts first.
#pragma once

#include <sys/types.h>

#include <string>

#include "libmailcore/base/result.h"

namespace ostler::daemon {

/// Makes the folder with that mode, and what is missing above it with 0755. As root it is given to `user`, which the
/// suite is going to run as (empty: nobody). One that is there stays as it is. Errors: permanent, naming the path.
[[nodiscard]] Result<void> makeFolder(const std::string& path, mode_t mode, const std::string& user);

}  // namespace ostler::daemon
