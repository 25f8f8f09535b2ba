#include "queued/programs/sandbox.h"

#include <linux/capability.h>

#include "libmailcore/daemon/confine.h"

namespace ostler::programs {

// user       as started: root, where programs are to run as their own users; of its capabilities those to become another user
//            (CAP_SETUID, CAP_SETGID) and to end what ran too long (CAP_KILL). It reads no file that root does not own.
// programs   all that an administrator put behind aliases: that is its work. None of them gains rights by a set-user-ID file.
// network    none of its own
// files      no landlock and no seccomp: what it starts would inherit them, and may need anything that its user may
Result<void> confine() {
  const Result<void> kept = daemon::keepCapabilities({CAP_SETUID, CAP_SETGID, CAP_KILL});
  return kept ? daemon::noNewPrivileges() : kept;
}

}  // namespace ostler::programs
