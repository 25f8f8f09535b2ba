// permissions.h - who may ask what on auth.sock, by the uid the kernel names (SO_PEERCRED).
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <set>
#include <string_view>

#include "libmailcore/ipc/message.h"

namespace ostler::queued::auth {

/// Who asks: `suite` is a process that runs as the user auth runs as, as the configured user, or as root. Root's tools
/// come the same way.
enum class Asker { suite };

struct Permission {
  std::uint16_t request;
  Asker who;
  std::string_view what;
};

inline constexpr std::array kPermissions = {
    Permission{ipc::LoginStart::kType, Asker::suite, "log somebody in"},
    Permission{ipc::LoginContinue::kType, Asker::suite, "log somebody in"},
    Permission{ipc::WhoIs::kType, Asker::suite, "ask whose a token is"},
    Permission{ipc::Resolve::kType, Asker::suite, "ask where an address leads"},
    Permission{ipc::ControlRequest::kType, Asker::suite, "see or end lock-outs"},
};

/// Null: may; else what was refused, in words.
[[nodiscard]] inline const char* refusalOf(std::uint16_t request, uid_t who, const std::set<uid_t>& suite) {
  for (const Permission& row : kPermissions) {
    if (row.request == request) return suite.contains(who) ? nullptr : row.what.data();
  }
  return "ask that";
}

}  // namespace ostler::queued::auth
