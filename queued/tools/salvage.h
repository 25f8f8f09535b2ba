// salvage.h - what can be read of the journal, written out as files: when the spool cannot start, or should not.
#pragma once

#include "queued/tools/common.h"

namespace ostler::tools {

/// Every message that is not done, as FOLDER/ID.eml with its envelope in front as pickup/ takes it. Reads the journal of
/// a stopped spool and changes nothing. Returns the exit status: EX_DATAERR when parts could not be read.
int salvage(const config::Config& config, const std::string& folder);

}  // namespace ostler::tools
