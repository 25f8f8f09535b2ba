// run_dir.h - where a suite runs, as far as its configuration says so, errors elsewhere or not: it is to be stopped although it would not start.
#pragma once

#include <string>

namespace ostler::config {

/// Config::runDir of the configuration in FILE and conf.d/*.yaml beside it. Empty: what would say it cannot be read.
[[nodiscard]] std::string runDirOf(const std::string& file);

}  // namespace ostler::config
