// sandbox.h - what pop3d gives up before it serves anybody.
#pragma once

#include <string>

#include "libmailcore/base/result.h"
#include "libmailcore/config/config.h"

namespace ostler::pop3 {

/// User, capabilities, files, system calls. Before any thread starts. Errors: permanent.
[[nodiscard]] Result<void> confineProcess(const config::Config& config, const std::string& configFile);
/// A worker thread, which talks to clients, opens no file: the store's threads do.
[[nodiscard]] Result<void> confineWorker();

}  // namespace ostler::pop3
