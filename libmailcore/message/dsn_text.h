// dsn_text.h - the words of a delivery report: what happened, and what its reader can do.
// Inside this room only; the rest of the report is in dsn.h.
#pragma once

#include <string>
#include <vector>

#include "libmailcore/message/dsn.h"

namespace ostler::message {

/// "Not delivered", "Delivery delayed", ...: after the most serious thing that happened.
[[nodiscard]] std::string dsnSubject(const DsnRequest& request);
/// The text part's body, lines of at most 76 octets where words allow, CRLF.
[[nodiscard]] std::string dsnText(const DsnRequest& request);

}  // namespace ostler::message
