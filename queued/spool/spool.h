// spool.h - the role `spool` of queued: a process of its own that owns pickup/, queue/, drop/ and badmail/, decides who may send
// what to whom, and delivers to mailboxes. It has no network.
#pragma once

#include <string>

namespace ostler::spool {

/// Serves smtpd.sock, submit.sock and control.sock until SIGTERM. SIGHUP reads the configuration again, or keeps the old one and
/// says why. Returns the process's exit status (sysexits(3)).
[[nodiscard]] int runSpool(const std::string& configFile);

}  // namespace ostler::spool
