// compose.h - what submission adds to a message that lacks it: Date, Message-ID, From. RFC 6409 8. And what parts header from text.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "libmailcore/base/ids.h"

namespace ostler::message {

struct MissingFields {
  WallTime now;
  Id128 id;                 ///< the queue id: becomes the Message-ID
  std::string_view domain;  ///< right side of a new Message-ID
  std::string_view sender;  ///< the reverse-path, for a missing From; empty: From is not added
};

/// Fields to put in front of `content`, each with its CRLF; empty when nothing is missing.
[[nodiscard]] std::string missingFields(std::string_view content, const MissingFields& with);

/// Some send text without a header, or with a line in it that is no field; readers would take the text for a header, and ours for theirs.
struct HeaderFault {
  std::size_t at = 0;      ///< of the line
  std::size_t length = 0;  ///< of what stands there and is to go: an mbox "From " line; 0: an empty line belongs before it
};
/// The first such line above the empty one.
[[nodiscard]] std::optional<HeaderFault> headerFault(std::string_view content);

}  // namespace ostler::message
