// mailbox_name.h - names of mailboxes between the wire and the store: modified UTF-7 or UTF-8 outside, UTF-8 inside.
// RFC 3501 5.1.3 (modified UTF-7); RFC 9051 5.1 (UTF-8, INBOX); RFC 6855 3.
#pragma once

#include <string>
#include <string_view>

#include "libmailcore/base/result.h"

namespace ostler::imap {

/// How this session's client writes names: UTF-8 from ENABLE IMAP4rev2 or UTF8=ACCEPT on.
enum class NameForm { utf7, utf8 };

/// As the store knows it: UTF-8, INBOX in capitals, no '/' at the end (CREATE allows one: RFC 9051 6.3.4).
/// Errors: syntax (not of that form, empty level, control character), limit (too long).
[[nodiscard]] Result<std::string> mailboxNameFromWire(std::string_view wire, NameForm form);
/// An astring ready to be sent.
void appendMailboxName(std::string& out, std::string_view name, NameForm form);

/// Strict: what encodeUtf7() would not write is refused, so that no mailbox has two names. Errors: syntax.
[[nodiscard]] Result<std::string> decodeUtf7(std::string_view text);
/// REQUIRES: valid UTF-8.
[[nodiscard]] std::string encodeUtf7(std::string_view utf8);

/// `pattern` of LIST and LSUB in UTF-8; what is no valid name stays as it is and matches nothing.
[[nodiscard]] std::string patternFromWire(std::string_view wire, NameForm form);

}  // namespace ostler::imap
