// pickup_file.h - a file dropped into pickup/ as a message with its envelope. Pure.
// The classic form has `X-Sender:` and `X-Receiver:` lines (one address each) in the header; without them the envelope is taken
// from Sender or From, and To, Cc, Bcc. X-Sender, X-Receiver and Bcc are taken out; line ends become CRLF.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/base/result.h"

namespace ostler::spool {

struct PickupFile {
  std::string reversePath;
  std::vector<std::string> forwardPaths;
  std::string content;
};

/// Errors: syntax (no header, no sender, no recipient), in words for the one who dropped it.
[[nodiscard]] Result<PickupFile> parsePickupFile(std::string_view octets);

}  // namespace ostler::spool
