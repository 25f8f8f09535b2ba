// known.h - who is there in a domain that another server carries, as the configuration lists it. Pure.
// Is not: asking that server; see spool/verifier.h.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "libmailcore/config/config.h"

namespace ostler::route {

/// The contents of each rule's recipients_file, lower case.
using RecipientFiles = std::map<std::string, std::set<std::string>>;

/// Local parts or addresses, one a line; "#" begins a comment.
[[nodiscard]] std::set<std::string> parseRecipients(std::string_view text);

enum class Listed { yes, no, noList, unreadable };
/// Does the rule's list, or its file, hold the recipient? Case does not matter; user+tag is user. postmaster always is
/// there (RFC 5321 4.5.1). Whom a file that could not be read might hold: unreadable.
[[nodiscard]] Listed isListed(const config::RouteRule& rule, const RecipientFiles& files, std::string_view forwardPath,
                              std::string_view tagSeparator);

}  // namespace ostler::route
