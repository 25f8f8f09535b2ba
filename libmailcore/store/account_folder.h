// account_folder.h - an account's folder, made when it is first needed and handed over as a descriptor that opens
// nothing else. Its name is the account's id, so that a renamed user keeps its mail.
#pragma once

#include <string>

#include "libmailcore/base/ids.h"
#include "libmailcore/base/result.h"
#include "libmailcore/base/unique_fd.h"

namespace ostler::store {

/// accounts/<id> as O_PATH, made (0770: the daemons that share it may be users of one group; accounts/ above it is
/// closed) at need. Blocks. Errors: temporary, with what the kernel said.
[[nodiscard]] Result<UniqueFd> openAccountFolder(const std::string& accountsDir, Id128 account);

}  // namespace ostler::store
