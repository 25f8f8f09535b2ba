// newaliases.h - loading the aliases file into the directory, for newaliases and for setup.
#pragma once

#include "libmailcore/config/config.h"
#include "libmailcore/directory/own/own_directory.h"

namespace ostler::tools {

/// All of directory.aliases_file or nothing; prints a line as sendmail's newaliases does, and each mistake with its line. Errors: notFound,
/// syntax (the aliases are what they were), permanent (no file is configured).
[[nodiscard]] Result<void> loadAliasesFile(directory::OwnDirectory& directory, const config::Config& config);

}  // namespace ostler::tools
