// message_id.h - Message-ID, In-Reply-To, References: msg-ids in order, and new ones. RFC 5322 3.6.4; RFC 5256 2.2
// (normal form).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/base/ids.h"

namespace ostler::message {

/// Every `<left@right>` of a raw value, in order, without angle brackets, quoted-string forms normalised, comments
/// skipped.
[[nodiscard]] std::vector<std::string> parseMessageIds(std::string_view raw);
/// The first msg-id of a raw value without its brackets; empty when there is none.
[[nodiscard]] std::string firstMessageId(std::string_view raw);
/// With angle brackets. `domain`: the server's name.
[[nodiscard]] std::string makeMessageId(const Id128& id, std::string_view domain);

/// What threads follow: References, or, without a valid one, the first id of In-Reply-To. RFC 5256 3 (REFERENCES, step
/// 1).
[[nodiscard]] std::vector<std::string> threadReferences(std::string_view rawReferences, std::string_view rawInReplyTo);

}  // namespace ostler::message
