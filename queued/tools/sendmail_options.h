// sendmail_options.h - sendmail's command line as a value. Pure but for OSTLER_CONFIG.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libmailcore/base/result.h"
#include "libmailcore/ipc/envelope.h"
#include "queued/tools/common.h"

namespace ostler::tools {

/// What the command line asks for. sendmail's options are older than getopt: values may be glued on, unknown ones are ignored.
struct Wanted {
  CommonOptions common;
  bool fromHeader = false;    // -t
  bool dotIsContent = false;  // -i
  bool list = false;          // -bp
  bool dialogue = false;      // -bs
  bool aliases = false;       // -bi, -I
  bool flush = false;         // -q
  std::string sender;
  bool senderGiven = false;
  std::string fullName;
  std::uint8_t notify = ipc::Recipient::kNotifyFailure | ipc::Recipient::kNotifyDelay;
  bool notifyGiven = false;
  ipc::Returned returned = ipc::Returned::notSaid;
  std::string envid;
  std::vector<std::string> recipients;
};

/// Errors: syntax: a mode, a NOTIFY or a RET that there is not. Addresses are as they were typed.
[[nodiscard]] Result<Wanted> readSendmailOptions(const std::vector<std::string>& words);

}  // namespace ostler::tools
