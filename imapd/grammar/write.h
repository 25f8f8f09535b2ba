// write.h - values as a server writes them: numbers, astrings, strings, dates, flag lists. Fast: no stream, no locale.
// Is not: ENVELOPE and BODYSTRUCTURE; see message/envelope.h. RFC 9051 9.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/store/store.h"

namespace ostler::imap {

inline void appendNumber(std::string& out, std::uint64_t number) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, static_cast<std::size_t>(end - digits));
}
/// An atom where it is one, else quoted, else a literal. UTF-8 goes into quotes: REQUIRES a client that takes it.
void appendAstring(std::string& out, std::string_view text);
/// Quoted where it can be, else a literal.
void appendString(std::string& out, std::string_view text);
/// `"21-Nov-2026 22:09:00 +0000"`.
void appendDateTime(std::string& out, std::int64_t unixSeconds);
/// `\Seen \Flagged Work`, without the parentheses.
void appendFlags(std::string& out, store::Flags flags, const std::vector<std::string>& keywords);
/// An id as an objectid of RFC 8474: letters and digits.
void appendObjectId(std::string& out, char kind, const Id128& id);

}  // namespace ostler::imap
