// permissions.h - who may ask what on auth.sock, by the uid the kernel names (SO_PEERCRED).
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <map>
#include <string_view>

#include "libmailcore/ipc/control.h"
#include "libmailcore/ipc/directory.h"
#include "libmailcore/ipc/login.h"
#include "libmailcore/ipc/shut_out.h"

namespace ostler::queued::auth {

/// Who asks. One uid may be all of them: then every process runs as the same user.
enum class Asker : unsigned {
  administrator = 1,  ///< root, and whoever auth runs as; may ask everything
  session = 2,        ///< smtpd, pop3d, imapd
  spool = 4,
};

struct Permission {
  std::uint16_t request;
  Asker who;
  std::string_view what;
};

inline constexpr std::array kPermissions = {
    Permission{ipc::LoginStart::kType, Asker::session, "log somebody in"},
    Permission{ipc::LoginContinue::kType, Asker::session, "log somebody in"},
    Permission{ipc::AwaitDirectory::kType, Asker::session, "hear that the directory has changed"},
    Permission{ipc::WhoIsShutOut::kType, Asker::session, "ask who may not stay logged in"},
    Permission{ipc::WhoIs::kType, Asker::spool, "ask whose a token is"},
    Permission{ipc::Resolve::kType, Asker::spool, "ask where an address leads"},
    Permission{ipc::ResolvePiece::kType, Asker::spool, "ask where an address leads"},
    Permission{ipc::ControlRequest::kType, Asker::administrator, "see or end lock-outs"},
};

/// What each uid is: the `Asker`s it may be, added up.
using Askers = std::map<uid_t, unsigned>;

/// Null: may; else what was refused, in words.
[[nodiscard]] inline const char* refusalOf(std::uint16_t request, uid_t who, const Askers& askers) {
  const auto found = askers.find(who);
  const unsigned is = found == askers.end() ? 0 : found->second;
  for (const Permission& row : kPermissions) {
    if (row.request != request) continue;
    const unsigned may = static_cast<unsigned>(row.who) | static_cast<unsigned>(Asker::administrator);
    return (is & may) != 0 ? nullptr : row.what.data();
  }
  return "ask that";
}

}  // namespace ostler::queued::auth
