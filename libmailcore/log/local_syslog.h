// local_syslog.h - LocalSyslog: lines for this machine's syslog, at /dev/log; where there is none, for standard error.
// Is not: syslog over a network, which is the role out's work (queued/out/log_relay.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "libmailcore/base/unique_fd.h"

namespace ostler::log {

/// Any thread. Nothing waits.
class LocalSyslog {
 public:
  /// Makes its socket at once: later a process may not.
  explicit LocalSyslog(std::string path = "/dev/log");
  /// As syslog(3), which waits for a server that stands still: formatLocalSyslog().
  void send(int priority, std::string_view program, std::uint64_t pid, std::string_view message) const;

 private:
  std::string path_;
  UniqueFd socket_;
};

}  // namespace ostler::log
