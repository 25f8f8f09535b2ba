// sandbox.h - what smtpd gives up before it listens to strangers.
#pragma once

#include <string>

#include "libmailcore/base/result.h"
#include "libmailcore/config/config.h"

namespace ostler::smtpd {

/// The process: user and capabilities, new rights, files, outgoing connections, system calls. After the listeners are
/// bound.
[[nodiscard]] Result<void> confineProcess(const config::Config& config, const std::string& configFile);
/// A worker thread, which talks to strangers: opens no file at all and makes no socket but a Unix one.
[[nodiscard]] Result<void> confineWorker();

}  // namespace ostler::smtpd
