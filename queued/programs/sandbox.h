// sandbox.h - what the role `programs` gives up before it hears the spool. See sandbox.cc, which is that list.
#pragma once

#include "libmailcore/base/result.h"

namespace ostler::programs {

/// REQUIRES: the sockets are open, and there is no other thread. Errors: permanent; the process must not go on.
[[nodiscard]] Result<void> confine();

}  // namespace ostler::programs
