#include "queued/programs/runner.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/clock.h"

namespace ostler::programs {

namespace {

constexpr std::size_t kOutputKept = 1000;
constexpr std::chrono::seconds kAfterTerm{2};  ///< between SIGTERM and SIGKILL

struct ExitWord {
  int status;
  int code;
  const char* enhanced;
};
/// sysexits(3), as RFC 3463 says it. What another attempt may change is temporary.
constexpr std::array kExits = {
    ExitWord{EX_USAGE, 550, "5.3.5"},       ExitWord{EX_DATAERR, 550, "5.6.0"},   ExitWord{EX_NOINPUT, 550, "5.3.0"},
    ExitWord{EX_NOUSER, 550, "5.1.1"},      ExitWord{EX_NOHOST, 550, "5.1.2"},    ExitWord{EX_UNAVAILABLE, 550, "5.3.0"},
    ExitWord{EX_SOFTWARE, 550, "5.3.0"},    ExitWord{EX_OSERR, 451, "4.3.0"},     ExitWord{EX_OSFILE, 451, "4.3.5"},
    ExitWord{EX_CANTCREAT, 550, "5.2.0"},   ExitWord{EX_IOERR, 451, "4.3.0"},     ExitWord{EX_TEMPFAIL, 451, "4.3.0"},
    ExitWord{EX_PROTOCOL, 550, "5.5.0"},    ExitWord{EX_NOPERM, 550, "5.7.0"},    ExitWord{EX_CONFIG, 451, "4.3.5"},
    ExitWord{126, 451, "4.3.5"},            ExitWord{127, 451, "4.3.5"},
};

Error failed(const char* what) { return {Error::Kind::temporary, std::string(what) + ": " + std::strerror(errno)}; }

std::vector<gid_t> groupsOf(const passwd& entry) {
  int count = 64;
  std::vector<gid_t> groups(static_cast<std::size_t>(count));
  while (::getgrouplist(entry.pw_name, entry.pw_gid, groups.data(), &count) < 0) groups.resize(static_cast<std::size_t>(count));
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

/// All that the child needs, made before the fork: behind it nothing may allocate.
struct Prepared {
  explicit Prepared(const Job& job)
      : command(job.command),
        environment{"PATH=/usr/local/bin:/usr/bin:/bin", "SHELL=/bin/sh", "HOME=" + job.user.home, "USER=" + job.user.name,
                    "LOGNAME=" + job.user.name, "SENDER=" + job.reversePath, "RECIPIENT=" + job.forwardPath} {
    for (std::string& line : environment) pointers.push_back(line.data());
    pointers.push_back(nullptr);
  }
  std::string command;
  std::vector<std::string> environment;
  std::vector<char*> pointers;
};

[[noreturn]] void becomeProgram(const Job& job, Prepared& prepared, int output) {
  const bool isRoot = ::geteuid() == 0;
  if (isRoot && (::setgroups(job.user.groups.size(), job.user.groups.data()) != 0 || ::setgid(job.user.gid) != 0 || ::setuid(job.user.uid) != 0)) ::_exit(EX_OSERR);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::setsid();
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int signal : {SIGPIPE, SIGCHLD, SIGHUP, SIGTERM, SIGINT}) ::signal(signal, SIG_DFL);
  if (::dup2(job.input.get(), 0) < 0 || ::dup2(output, 1) < 0 || ::dup2(output, 2) < 0) ::_exit(EX_OSERR);
  ::syscall(SYS_close_range, 3U, ~0U, 0U);
  if (::chdir(job.user.home.c_str()) != 0 && ::chdir("/") != 0) ::_exit(EX_OSERR);
  ::umask(077);
  char shell[] = "/bin/sh";
  char option[] = "-c";
  char* arguments[] = {shell, option, prepared.command.data(), nullptr};
  ::execve(shell, arguments, prepared.pointers.data());
  ::_exit(127);
}

/// Reads what there is. False: nothing more comes.
bool readSome(int fd, std::string& into) {
  char block[4096];
  const ssize_t got = ::read(fd, block, sizeof block);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  if (got <= 0) return false;
  into.append(block, std::min(static_cast<std::size_t>(got), kOutputKept - std::min(into.size(), kOutputKept)));
  return true;
}

/// Until the program has ended or its time is over. False: its time is over.
bool attend(int pidfd, int output, std::string& said, SteadyTime until) {
  bool isOpen = true;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    if (left <= 0) return false;
    std::array<pollfd, 2> waited{pollfd{pidfd, POLLIN, 0}, pollfd{isOpen ? output : -1, POLLIN, 0}};
    const int ready = ::poll(waited.data(), waited.size(), static_cast<int>(std::min<long>(left, 60'000)));
    if (ready < 0 && errno != EINTR) return false;
    if (waited[1].revents != 0) isOpen = readSome(output, said);
    // What it left in the pipe is read; what its own children may still write is not waited for.
    if (waited[0].revents != 0) {
      if (isOpen) (void)readSome(output, said);
      return true;
    }
  }
}

/// CRLF becomes LF, every other CR stays. `heldBack`: the CR that the block before ended with; it is in front of this one.
void endLinesInLf(std::string& block, bool& heldBack, bool isLast) {
  if (std::exchange(heldBack, false)) block.insert(0, 1, '\r');
  if (!isLast && block.ends_with('\r')) {
    heldBack = true;
    block.pop_back();
  }
  std::size_t kept = 0;
  for (std::size_t at = 0; at < block.size(); ++at) {
    const bool isLineEnd = block[at] == '\r' && at + 1 < block.size() && block[at + 1] == '\n';
    if (!isLineEnd) block[kept++] = block[at];
  }
  block.resize(kept);
}

}  // namespace

Result<User> userFor(const std::string& configured, const std::string& alias) {
  const bool isRoot = ::geteuid() == 0;
  const std::string wanted = configured.empty() ? alias : configured;
  std::array<char, 16'384> room{};
  passwd entry{};
  passwd* found = nullptr;
  if (isRoot) {
    ::getpwnam_r(wanted.c_str(), &entry, room.data(), room.size(), &found);
  } else {
    ::getpwuid_r(::geteuid(), &entry, room.data(), room.size(), &found);
  }
  if (found == nullptr) return fail(Error::Kind::permanent, "there is no user " + printable(wanted) + " to run it as");
  if (found->pw_uid == 0 || found->pw_gid == 0) return fail(Error::Kind::permanent, "programs are not run as " + printable(wanted));
  return User{found->pw_name, found->pw_dir, found->pw_uid, found->pw_gid, groupsOf(*found)};
}

Result<Ended> run(const Job& job, std::chrono::milliseconds timeout) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return tl::unexpected(failed("pipe2"));
  const UniqueFd output(ends[0]);
  UniqueFd theirs(ends[1]);
  Prepared prepared(job);
  const pid_t child = ::fork();
  if (child < 0) return tl::unexpected(failed("fork"));
  if (child == 0) becomeProgram(job, prepared, theirs.get());
  theirs.reset();
  const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  if (!pidfd) {  // nobody could see it end: it is not to run
    const Error why = failed("pidfd_open");
    ::kill(child, SIGKILL);
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) continue;
    return tl::unexpected(why);
  }
  ::fcntl(output.get(), F_SETFL, O_NONBLOCK);
  Ended ended;
  const auto until = std::chrono::steady_clock::now() + timeout;
  ended.timedOut = !attend(pidfd.get(), output.get(), ended.output, until);
  if (ended.timedOut) {
    ::kill(-child, SIGTERM);
    if (!attend(pidfd.get(), output.get(), ended.output, std::chrono::steady_clock::now() + kAfterTerm)) ::kill(-child, SIGKILL);
  }
  while (::waitpid(child, &ended.status, 0) < 0 && errno == EINTR) continue;
  if (ended.timedOut) ::kill(-child, SIGKILL);  // what it started and left behind
  return ended;
}

ipc::SmtpReply replyFor(const Ended& ended) {
  const std::string said = ended.output.empty() ? std::string() : ": " + printable(trim(ended.output), 400);
  const auto code = [](int value) { return static_cast<std::uint16_t>(value); };
  if (ended.timedOut) return {451, "4.3.0", "The program took too long" + said};
  if (WIFSIGNALED(ended.status)) return {451, "4.3.0", "The program was ended by signal " + std::to_string(WTERMSIG(ended.status)) + said};
  const int status = WEXITSTATUS(ended.status);
  if (status == EX_OK) return {250, "2.0.0", "Delivered to a program"};
  for (const ExitWord& word : kExits) {
    if (word.status == status) return {code(word.code), word.enhanced, "The program ended with status " + std::to_string(status) + said};
  }
  return {550, "5.3.0", "The program ended with status " + std::to_string(status) + said};
}

Result<UniqueFd> inputOf(const std::string& head, int fd, std::uint64_t offset, std::uint64_t length) {
  UniqueFd file(::memfd_create("message", MFD_CLOEXEC));
  if (!file) return tl::unexpected(failed("memfd_create"));
  std::string block = head;
  bool heldBack = false;
  for (std::uint64_t at = 0;;) {
    endLinesInLf(block, heldBack, at == length);
    for (std::string_view rest = block; !rest.empty();) {
      const ssize_t wrote = ::write(file.get(), rest.data(), rest.size());
      if (wrote < 0 && errno != EINTR) return tl::unexpected(failed("write"));
      if (wrote > 0) rest.remove_prefix(static_cast<std::size_t>(wrote));
    }
    if (at == length) break;
    block.resize(std::min<std::uint64_t>(length - at, 256 * 1024));
    const ssize_t got = ::pread(fd, block.data(), block.size(), static_cast<off_t>(offset + at));
    if (got < 0 && errno == EINTR) {
      block.clear();
      continue;
    }
    if (got <= 0) return fail(Error::Kind::temporary, "the message cannot be read");
    block.resize(static_cast<std::size_t>(got));
    at += static_cast<std::uint64_t>(got);
  }
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return tl::unexpected(failed("lseek"));
  return file;
}

}  // namespace ostler::programs
