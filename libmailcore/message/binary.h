// binary.h - a message with binary parts made fit for hosts and mailboxes that know lines alone. Pure.
// RFC 3030 3: who takes BINARYMIME and cannot pass it on converts. Signatures over such parts break; returning the mail would lose it.
#pragma once

#include <string>
#include <string_view>

namespace ostler::message {

/// Needs `content` more than lines in CRLF without NUL, none longer than 998 octets (RFC 5322 2.1.1)?
[[nodiscard]] bool isBinary(std::string_view content);

/// The message with every leaf that is binary in base64, and no part that says it is binary. Header fields that cannot be carried
/// (a bare CR or LF, NUL) lose those octets. Ends in CRLF. `!isBinary()` holds for the result. A message without binary parts is
/// returned as it is, but for its last line end.
[[nodiscard]] std::string withoutBinary(std::string_view content);

}  // namespace ostler::message
