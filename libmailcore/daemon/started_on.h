// started_on.h - StartedOn: what a process was told to read its configuration from. Below `ostler run` that may be a snapshot of what the
// suite took last (queued/tools/in_force.h): a SIGHUP that somebody sends to that process alone finds the same there, whatever the file
// says now. A reload is for all processes or for none, so the process takes nothing from the file by itself: it says who is to be asked.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "libmailcore/config/sources.h"

namespace ostler::daemon {

class StartedOn {
 public:
  explicit StartedOn(std::string file) : file_(std::move(file)), state_(stateOf(file_)) {}

  /// After a reload: why it cannot have brought anything new, and what to do; empty: it may have. The supervisor writes the snapshot anew
  /// before it passes a SIGHUP on.
  [[nodiscard]] std::string nothingNew() {
    const State before = std::exchange(state_, stateOf(file_));
    if (state_ != before) return {};
    std::vector<config::Problem> unread;
    const std::vector<config::Source> sources = config::readSources(file_, unread);
    if (sources.empty() || sources.front().file == file_) return {};  // the file itself
    return "this process runs on what the suite took last, " + file_ + ", not on " + sources.front().file +
           ": send SIGHUP to `ostler run`, process " + std::to_string(::getppid()) + ", and all processes take the file, or none";
  }

 private:
  using State = std::tuple<std::uint64_t, std::uint64_t, std::int64_t, std::int64_t>;  ///< device, inode, seconds, nanoseconds
  static State stateOf(const std::string& file) {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) return {};
    return {status.st_dev, status.st_ino, status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
  }
  std::string file_;
  State state_;
};

}  // namespace ostler::daemon
