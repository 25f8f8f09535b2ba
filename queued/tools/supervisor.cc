#include "queued/tools/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <initializer_list>
#include <utility>

#include "libmailcore/daemon/drain.h"

namespace ostler::tools {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLivedLong{3'000};
constexpr milliseconds kTellAgain{1'000};
constexpr milliseconds kStageWait[] = {daemon::kStopOfClients, daemon::kStopOfKeepers};

sigset_t setOf(std::initializer_list<int> signals) {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : signals) ::sigaddset(&set, signal);
  return set;
}

/// Makes the kernel kill this process when the other end of the pipe closes. Unlike PR_SET_PDEATHSIG it outlives a
/// change of user, and it costs the program that is executed next no code.
void armLifeline(int fd) {
  ::fcntl(fd, F_SETOWN, ::getpid());
  ::fcntl(fd, F_SETSIG, SIGKILL);
  ::fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK);
  ::fcntl(fd, F_SETFD, 0);  // stays open over exec
}

/// In the child. Never returns. Only calls that are safe after fork().
[[noreturn]] void become(const std::vector<char*>& arguments, int lifeline, pid_t parent) {
  armLifeline(lifeline);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it died before the line above
  // Not SIGHUP and SIGUSR1, which end who has no handler yet: they wait until the child has one (daemon/signals.h).
  const sigset_t atOnce = setOf({SIGCHLD, SIGINT, SIGTERM});
  ::sigprocmask(SIG_UNBLOCK, &atOnce, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::execv(arguments[0], arguments.data());
  ::_exit(errno == ENOENT ? 127 : 126);
}

std::string howItEnded(int status) {
  if (WIFEXITED(status)) return "exit status " + std::to_string(WEXITSTATUS(status));
  if (WIFSIGNALED(status)) return std::string("signal ") + ::strsignal(WTERMSIG(status));
  return "unknown";
}

}  // namespace

Supervisor::Supervisor(std::vector<Program> programs, std::function<std::string()> configFile, log::Log log, OnChange onChange)
    : configFile_(std::move(configFile)), log_(std::move(log)), onChange_(std::move(onChange)) {
  for (Program& program : programs) children_.emplace_back().program = std::move(program);
}

void Supervisor::run(const std::function<bool()>& mayReload) {
  const sigset_t handled = setOf({SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1});
  ::sigprocmask(SIG_BLOCK, &handled, nullptr);
  signals_.reset(::signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK));
  while (true) {
    startDue();
    pollfd wait{signals_.get(), POLLIN, 0};
    ::poll(&wait, 1, static_cast<int>(untilNextStart().count()));
    log_.tick();
    signalfd_siginfo got{};
    bool reloads = false;
    bool reopens = false;
    while (::read(signals_.get(), &got, sizeof got) == static_cast<ssize_t>(sizeof got)) {
      if (got.ssi_signo == SIGTERM || got.ssi_signo == SIGINT) return stopAll();
      reloads = reloads || got.ssi_signo == SIGHUP;
      reopens = reopens || got.ssi_signo == SIGUSR1;
    }
    if (reopens) log_.reopen();
    if (reopens) signalAll(SIGUSR1);
    if (reloads && mayReload()) signalAll(SIGHUP);  // once a turn: looking takes its time, and who has died waits for the turn's end
    reap();  // signals of the same number merge, so this does not count SIGCHLDs
  }
}

void Supervisor::startDue() {
  const SteadyTime now = steady_clock::now();
  bool changed = false;
  for (Child& child : children_) {
    if (child.pid != 0 || child.startAt > now) continue;
    start(child);
    changed = true;
  }
  if (changed || !isTold_) tellChange();
}

void Supervisor::start(Child& child) {
  std::vector<std::string> words = child.program.arguments;
  words.insert(words.end(), {"-c", configFile_()});
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  int ends[2] = {-1, -1};
  child.started = steady_clock::now();
  const pid_t parent = ::getpid();
  const pid_t pid = ::pipe2(ends, O_CLOEXEC) == 0 ? ::fork() : -1;
  if (pid == 0) become(arguments, ends[0], parent);
  UniqueFd theirs(ends[0]);
  child.lifeline.reset(ends[1]);
  if (pid < 0) {
    log_.error("start-failed", {{"program", child.program.name}, {"reason", std::strerror(errno)}});
    child.startAt = steady_clock::now() + restartDelay(++child.quickDeaths);
    return;
  }
  child.pid = pid;
  log_.info("started", {{"program", child.program.name}, {"pid", static_cast<int>(pid)}});
}

void Supervisor::reap() {
  int status = 0;
  pid_t pid = 0;
  while ((pid = ::waitpid(-1, &status, WNOHANG)) > 0) {
    const auto child = std::ranges::find(children_, pid, &Child::pid);
    if (child == children_.end()) continue;
    child->pid = 0;
    child->lifeline.reset();
    const SteadyTime now = steady_clock::now();
    child->quickDeaths = now - child->started < kLivedLong ? child->quickDeaths + 1 : 0;
    child->startAt = now + restartDelay(child->quickDeaths);
    const bool isAsked = isStopping_ && status == 0;
    log_.write(isAsked ? log::Level::info : log::Level::warn, "ended",
               {{"program", child->program.name}, {"pid", static_cast<int>(pid)}, {"how", howItEnded(status)}});
  }
}

void Supervisor::signalAll(int signal) {
  for (const Child& child : children_) {
    if (child.pid != 0) ::kill(child.pid, signal);
  }
}

bool Supervisor::anyRunning(unsigned stage) const {
  return std::ranges::any_of(children_,
                             [&](const Child& child) { return child.pid != 0 && child.program.stopStage == stage; });
}

void Supervisor::stopAll() {
  isStopping_ = true;
  for (const unsigned stage : {0U, 1U}) {
    for (const Child& child : children_) {
      if (child.pid != 0 && child.program.stopStage == stage) ::kill(child.pid, SIGTERM);
    }
    const Deadline deadline = Deadline::after(kStageWait[stage]);
    while (anyRunning(stage)) {
      pollfd wait{signals_.get(), POLLIN, 0};
      ::poll(&wait, 1, 100);
      signalfd_siginfo ignored{};
      while (::read(signals_.get(), &ignored, sizeof ignored) > 0) {
      }
      reap();
      if (!deadline.passed()) continue;
      log_.warn("killed-after-waiting", {{"milliseconds", static_cast<int>(kStageWait[stage].count())}});
      for (const Child& child : children_) {
        if (child.pid != 0 && child.program.stopStage == stage) ::kill(child.pid, SIGKILL);
      }
    }
  }
}

milliseconds Supervisor::untilNextStart() const {
  milliseconds wait = isTold_ ? milliseconds(60'000) : kTellAgain;
  const SteadyTime now = steady_clock::now();
  for (const Child& child : children_) {
    if (child.pid != 0) continue;
    wait =
        std::min(wait, child.startAt <= now ? milliseconds(0) : std::chrono::ceil<milliseconds>(child.startAt - now));
  }
  return wait;
}

void Supervisor::tellChange() {
  std::vector<pid_t> pids;
  for (const Child& child : children_) {
    if (child.pid != 0) pids.push_back(child.pid);
  }
  const bool wasTold = std::exchange(isTold_, onChange_(pids));
  if (wasTold && !isTold_) log_.error("pids-not-written", {{"effect", "the file of --env-file is as it was; it is tried again"}});
}

}  // namespace ostler::tools
