// run_dir.h - where a suite runs, as far as its configuration says so, errors elsewhere or not: it is to be stopped although it would not start,
// and an edit in progress is no reason to refuse a message.
#pragma once

#include <memory>
#include <string>

#include "libmailcore/config/config.h"

namespace ostler::config {

/// Config::runDir of the configuration in FILE and conf.d/*.yaml beside it. Empty: what would say it cannot be read.
[[nodiscard]] std::string runDirOf(const std::string& file);

/// What a program goes by that hands a message over.
struct Handover {
  std::shared_ptr<const Config> config;  ///< never null. Where FILE has errors: host_name, run_dir, data_dir and spool_dir alone
  bool knowsRunDir = true;               ///< false: what would say it cannot be read, and config has the default
  bool knowsSpool = true;                ///< the same of the folders
};
/// A FILE that is not there says nothing, as an empty one does.
[[nodiscard]] Handover handoverOf(const std::string& file);

}  // namespace ostler::config
