// pickup_file.h - a file dropped into pickup/ as a message with its envelope. Pure.
// The classic form has `X-Sender:` and `X-Receiver:` lines (one address each) in the header; without them the envelope is taken
// from Sender or From, and To, Cc, Bcc. sendmail adds what else was asked of it: `X-Notify: success,failure,delay` or `never`,
// `X-Return: full`, `X-Envelope-Id:` (RFC 3461 4). All of these and Bcc are taken out; line ends become CRLF.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/base/result.h"

namespace ostler::spool {

struct PickupFile {
  std::string reversePath;
  std::vector<std::string> forwardPaths;
  std::optional<std::uint8_t> notify;  ///< bits of ipc::Recipient, for every recipient; nothing: not said
  bool returnFull = false;
  std::string envid;
  std::string content;
};

/// Errors: syntax (no header, no sender, no recipient), in words for the one who dropped it.
[[nodiscard]] Result<PickupFile> parsePickupFile(std::string_view octets);

}  // namespace ostler::spool
