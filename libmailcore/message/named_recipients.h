// named_recipients.h - who a message's own header names as its sender and its recipients, where no envelope came with it.
// Is not: the envelope of a message that came by SMTP, which its header does not change (RFC 5321 2.3.1).
// RFC 5322 3.6.3 (To, Cc, Bcc) and 3.6.6: of a message that is sent again the Resent- fields count alone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/message/header.h"

namespace ostler::message {

/// Addresses as written (Mailbox::address()), in order.
[[nodiscard]] std::vector<std::string> namedRecipients(const HeaderView& header);
/// Sender, else the first of From. Empty: neither.
[[nodiscard]] std::string namedSender(const HeaderView& header);
/// Bcc, Resent-Bcc: taken out of what is sent.
[[nodiscard]] bool isBlindCopy(std::string_view fieldName);

}  // namespace ostler::message
