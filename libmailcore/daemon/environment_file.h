// environment_file.h - a file of KEY=value lines that says which processes run: what a sandbox's caller sources.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace ostler::daemon {

/// Replaced by rename, so that a reader sees all or nothing. What others wrote into it stays.
class EnvironmentFile {
 public:
  explicit EnvironmentFile(std::string file) : file_(std::move(file)) {}
  /// SUPERVISOR_PID, which is us, and PIDS. False: it could not be written (a full disk), and is as it was.
  [[nodiscard]] bool write(const std::vector<pid_t>& pids) const;

 private:
  std::string file_;  ///< empty: none is kept
};

}  // namespace ostler::daemon
