// memory_store.h - a store without a disk, for tests. Aborts and reruns each visit once, so that a visitor that is not
// repeatable shows itself.
#pragma once

#include "libmailcore/store/store.h"

namespace ostler::store {

/// Accounts live as long as the object; open() ignores the folder.
[[nodiscard]] std::unique_ptr<Store> makeMemoryStore(Loop& loop);

}  // namespace ostler::store
