// problems.h - all that `ostler check` finds wrong with a configuration; `ostler doctor` says the same.
#pragma once

#include <vector>

#include "libmailcore/config/config.h"

namespace ostler::tools {

/// What reading it said, and what looking at the machine, the directory and the running suite says of it.
[[nodiscard]] std::vector<config::Problem> problemsOf(const config::Loaded& loaded);

}  // namespace ostler::tools
