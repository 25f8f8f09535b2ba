// restore_mark.h - the file that says: `ostler restore` is at work, or was interrupted, and what lies here is not whole.
#pragma once

#include <unistd.h>

#include <string>

#include "libmailcore/config/config.h"

namespace ostler::config {

[[nodiscard]] inline std::string restoreMark(const Config& config) { return config.dataDir + "/RESTORE-UNFINISHED"; }

/// Why nothing may be started on it: mail would be refused for users who are not back yet. Empty: there is no reason.
[[nodiscard]] inline std::string whyNotWhole(const Config& config) {
  if (::access(restoreMark(config).c_str(), F_OK) != 0) return "";
  return "a restore was not finished, so users or mail are missing: run `ostler restore` once more, to its end (" + restoreMark(config) + ")";
}

}  // namespace ostler::config
