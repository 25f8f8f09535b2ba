// flags.h - flags as clients name them. RFC 9051 2.3.2 (flags), 9 (flag-list). Pure.
#pragma once

#include "libmailcore/store/store.h"

#include "imapd/grammar/reader.h"

namespace ostler::imap {

/// `(\Seen Work)`. \Recent is dropped: no client can set it (RFC 3501 2.3.2). Another name with a backslash: syntax.
[[nodiscard]] store::FlagNames readFlagList(Reader& in);
/// As readFlagList(), the parentheses may be missing: STORE.
[[nodiscard]] store::FlagNames readFlags(Reader& in);
/// The bits of these names in a mailbox; what it does not know yet has none.
[[nodiscard]] store::Flags flagsOf(const store::FlagNames& names, const std::vector<std::string>& keywords);

}  // namespace ostler::imap
