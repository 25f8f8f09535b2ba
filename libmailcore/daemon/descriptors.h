// descriptors.h - as many open descriptors as the machine allows this process.
#pragma once

#include <sys/resource.h>

namespace ostler::daemon {

/// Raises the soft limit to the hard one. The usual soft limit of 1,024 is for programs that use select(2); a daemon with 50,000
/// idle sessions has as many sockets. Called before any thread starts and before system calls are given up.
inline void useAllDescriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace ostler::daemon
