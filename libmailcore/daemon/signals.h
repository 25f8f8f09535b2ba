// signals.h - who starts a daemon may block SIGHUP and SIGUSR1 in it, so that a reload or a new log asked for in its first
// moments waits instead of ending it: without a handler both end a process.
#pragma once

#include <csignal>

namespace ostler::daemon {

/// From now on `number` reaches this thread, and at once if it came before. REQUIRES: its handler stands.
inline void letIn(int number) {
  sigset_t one;
  ::sigemptyset(&one);
  ::sigaddset(&one, number);
  ::pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
}

}  // namespace ostler::daemon
