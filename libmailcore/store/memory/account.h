// account.h - a handle on an account in memory, for one loop.
#pragma once

#include <memory>

#include "libmailcore/store/memory/data.h"

namespace ostler::store::memory {

[[nodiscard]] std::shared_ptr<Account> makeAccount(Loop& loop, std::shared_ptr<Data> data);

}  // namespace ostler::store::memory
