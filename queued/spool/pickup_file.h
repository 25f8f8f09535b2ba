// pickup_file.h - a file dropped into pickup/ as a message with its envelope. Pure.
// The classic form has `X-Sender:` and `X-Receiver:` lines (one address each) at the top of the header; below another field they are
// fields as any. Without them the envelope is taken from what the header names: message/named_recipients.h. sendmail adds what else was
// asked of it: `X-Notify: success,failure,delay` or `never`, `X-Return: full` or `hdrs`, `X-Envelope-Id:` (RFC 3461 4). All of these are
// taken out, as are Bcc and Resent-Bcc; line ends become CRLF.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/base/result.h"
#include "libmailcore/ipc/envelope.h"

namespace ostler::spool {

struct PickupFile {
  std::string reversePath;
  std::vector<std::string> forwardPaths;
  std::optional<std::uint8_t> notify;  ///< bits of ipc::Recipient, for every recipient; nothing: not said
  ipc::Returned returned = ipc::Returned::notSaid;
  std::string envid;
  std::string content;
};

/// Errors: syntax (no header, no sender, no recipient), in words for the one who dropped it.
[[nodiscard]] Result<PickupFile> parsePickupFile(std::string_view octets);

}  // namespace ostler::spool
