// imap_text.h - values as IMAP writes them: quoted strings, literals, NIL, numbers.
// RFC 9051 4.3 (strings), 9 (grammar); the same octets are right under RFC 3501.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ostler::message {

/// `"text"`, or a literal `{4}\r\ntext` for what a quoted string cannot hold: CR, LF, 8-bit octets (RFC 3501 has no
/// UTF-8 in quoted strings) and very long ones. NULs are left out: neither form holds them.
void appendImapString(std::string& out, std::string_view text);
/// As appendImapString(), NIL when empty.
void appendImapNstring(std::string& out, std::string_view text);
void appendImapNumber(std::string& out, std::uint64_t number);

}  // namespace ostler::message
