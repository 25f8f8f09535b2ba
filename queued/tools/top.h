// top.h - the live view of the queue's next hops.
#pragma once

#include "queued/tools/common.h"

namespace ostler::tools {

/// Until it is interrupted; once, when `once` or when the output is no terminal. Returns the exit status.
int top(const config::Config& config, bool once);

}  // namespace ostler::tools
