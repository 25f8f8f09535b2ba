// supervisor.h - starts the daemons as direct children, starts again what dies, and takes them all with it when it
// goes. Is not: a daemon. It speaks no protocol and holds no mail.
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "libmailcore/base/clock.h"
#include "libmailcore/base/unique_fd.h"
#include "libmailcore/log/log.h"

namespace ostler::tools {

/// One program to keep running.
struct Program {
  std::string name;                    ///< "queued/spool"
  std::vector<std::string> arguments;  ///< the first is the program's path; `-c FILE` comes behind them
  unsigned stopStage = 0;  ///< on stopping, stage 0 goes first: who talks to strangers before who keeps mail
};

/// When a child that died is started again.
/// A child that had lived for a while starts anew soon; one that dies over and over waits longer each time.
[[nodiscard]] constexpr std::chrono::milliseconds restartDelay(unsigned quickDeaths) {
  using std::chrono::milliseconds;
  constexpr unsigned kForgiven = 5;  // a few in a row are an administrator with kill(1), or a shortage that passes
  if (quickDeaths <= kForgiven) return milliseconds(200);
  return std::min(milliseconds(30'000), milliseconds(200) * (1U << std::min(quickDeaths - kForgiven, 10U)));
}

class Supervisor {
 public:
  /// False: it could not be noted, and is told again.
  using OnChange = std::function<bool(const std::vector<pid_t>&)>;
  /// `onChange` hears the children's pids whenever one is new, in the order of `programs`. `configFile` is asked at each start of a child.
  Supervisor(std::vector<Program> programs, std::function<std::string()> configFile, log::Log log, OnChange onChange);

  /// Runs until SIGTERM or SIGINT, then stops the children stage by stage and returns. SIGHUP asks `mayReload` and
  /// passes it on; SIGUSR1 opens the log anew, here and in the children.
  /// REQUIRES: called from the only thread; blocks SIGCHLD, SIGHUP, SIGINT, SIGTERM and SIGUSR1.
  void run(const std::function<bool()>& mayReload);

 private:
  struct Child {
    Program program;
    pid_t pid = 0;      ///< 0: not running
    UniqueFd lifeline;  ///< our end: when it closes, whatever the reason, the kernel kills the child
    SteadyTime started{};
    SteadyTime startAt{};  ///< when pid is 0
    unsigned quickDeaths = 0;
  };
  void startDue();
  void start(Child& child);
  void reap();
  void signalAll(int signal);
  void stopAll();
  [[nodiscard]] bool anyRunning(unsigned stage) const;
  [[nodiscard]] std::chrono::milliseconds untilNextStart() const;
  void tellChange();

  std::vector<Child> children_;
  std::function<std::string()> configFile_;
  log::Log log_;
  OnChange onChange_;
  bool isStopping_ = false;
  bool isTold_ = true;  ///< onChange_ has noted who runs
  UniqueFd signals_;
};

}  // namespace ostler::tools
