#include "queued/spool/crash_mark.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <csignal>

namespace ostler::spool {

namespace {

/// A handler of signals has no other way to it, and may call nothing that takes memory.
std::array<char, PATH_MAX> markAt{};

std::string pathIn(const std::string& queueDir) { return queueDir + "/died-of-a-fault"; }

extern "C" void leaveMark(int /*signal*/) {
  const int fd = ::open(markAt.data(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd >= 0) (void)::close(fd);
}

}  // namespace

void markCrashesIn(const std::string& queueDir) {
  const std::string path = pathIn(queueDir);
  if (path.size() >= markAt.size()) return;
  std::copy(path.begin(), path.end(), markAt.begin());
  struct sigaction action{};
  action.sa_handler = &leaveMark;
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // then what the fault was is done once more, and ends the process as it would have
  for (const int signal : {SIGBUS, SIGSEGV, SIGABRT}) (void)::sigaction(signal, &action, nullptr);
}

bool takeCrashMark(const std::string& queueDir) { return ::unlink(pathIn(queueDir).c_str()) == 0; }

}  // namespace ostler::spool
