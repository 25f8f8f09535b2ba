// key_readers.h - may the processes that show certificates read them, and their keys? Where each process has a user of its own, root can
// read what none of them can, and hears of it when they start again.
#pragma once

#include <string>
#include <vector>

#include "libmailcore/config/config.h"

namespace ostler::tools {

/// The group of those processes: systemd gives it to them.
inline constexpr const char* kKeyReaders = "ostler-tls";

/// May that group read it, as root has set its mode and those of the folders above it? True where there is no such group: who starts the
/// suite reads it then; and true for who is not root, and cannot tell.
[[nodiscard]] bool mayBeReadByProcesses(const std::string& file);

/// Certificates and keys of a configuration that its processes may not read, each once. For `ostler check` and `ostler doctor`.
[[nodiscard]] std::vector<config::Problem> closedToProcesses(const config::Config& config);

}  // namespace ostler::tools
