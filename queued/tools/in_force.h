// in_force.h - the configuration that a supervised suite runs with, and whether it may be exchanged for the one on disk: by all of its
// processes or by none. Is not: what a process does with it.
//
// Two snapshots below run_dir say what the processes were started with and what they took last. A child that dies while the files on
// disk have errors starts again on the second: an edit that nobody asked to be used ends no service. So does every child where the file
// lies in a folder that the processes must not enter: they were given the file alone, and an editor's new one is another file.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "libmailcore/config/config.h"
#include "libmailcore/log/log.h"

namespace ostler::tools {

class InForce {
 public:
  /// `file` is absolute, and `config` what was read from it.
  InForce(std::string file, std::shared_ptr<const config::Config> config, log::Log log);

  /// What a child is to be started on.
  [[nodiscard]] std::string fileToStartOn() const;
  /// Reads the file anew. True: every process will take it, and it is in force from now on. False: the log says why not.
  [[nodiscard]] bool mayReload();

 private:
  void keep(const std::string& snapshot) const;

  std::string file_;
  std::shared_ptr<const config::Config> atStart_;
  std::shared_ptr<const config::Config> taken_;
  bool isAlone_;
  log::Log log_;
};

/// Where the snapshots are: what the processes of the suite were started with, and what they took last.
[[nodiscard]] std::string startedSnapshot(const config::Config& config);
[[nodiscard]] std::string takenSnapshot(const config::Config& config);

/// The configuration that a tool is to ask a suite by.
struct InForceNow {
  std::shared_ptr<const config::Config> config;  ///< null: the file has errors, which are printed, and no suite is known that runs
  bool isBroken = false;                         ///< the file has errors: this is what the running suite took last
  std::string why;                               ///< empty: the file is what is in force
};
[[nodiscard]] InForceNow configInForce(const std::string& file);

/// What the suite that runs by this file took last, quietly; null: none is known to run.
[[nodiscard]] std::shared_ptr<const config::Config> lastTaken(const std::string& file);

/// To ask a running suite by, where the file may have errors, which are printed: what the suite took last, or its sockets' place alone.
/// Null: not even that can be told.
[[nodiscard]] std::shared_ptr<const config::Config> configToAsk(const std::string& file);

/// What stands between a running suite and that configuration, in words; empty also when none runs. For `ostler check`.
[[nodiscard]] std::vector<std::string> reloadRefusals(const config::Config& next);

}  // namespace ostler::tools
