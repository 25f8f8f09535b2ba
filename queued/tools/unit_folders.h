// unit_folders.h - what the configuration has the spool write, and systemd's unit does not let it: the processes cannot see that themselves.
// Is not: the modes of folders; see key_readers.h and doctor.
// Written in: systemd.exec(5), ProtectSystem= and ReadWritePaths=.
#pragma once

#include <string>
#include <vector>

#include "libmailcore/config/config.h"

namespace ostler::tools {

/// May a unit write `path`? `shown` is what `systemctl show -p ProtectSystem -p ReadWritePaths UNIT` prints.
[[nodiscard]] bool isWritableIn(const std::string& shown, const std::string& path);

/// Folders and files of aliases outside of what ostler-spool.service may write, each once, with the drop-in that opens them. Empty where the
/// configuration is not the one that the units read. For `ostler check` and `ostler doctor`.
[[nodiscard]] std::vector<config::Problem> closedByUnit(const config::Config& config);

}  // namespace ostler::tools
