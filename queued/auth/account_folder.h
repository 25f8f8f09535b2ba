// account_folder.h - an account's folder, made when it is first needed and handed over as a descriptor that opens
// nothing else.
#pragma once

#include <string>

#include "libmailcore/base/ids.h"
#include "libmailcore/base/result.h"
#include "libmailcore/base/unique_fd.h"

namespace ostler::queued::auth {

/// accounts/<id> as O_PATH, made (0700) at need. Blocks. Errors: temporary, with what the kernel said.
[[nodiscard]] Result<UniqueFd> openAccountFolder(const std::string& accountsDir, Id128 account);

}  // namespace ostler::queued::auth
