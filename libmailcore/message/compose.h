// compose.h - what submission adds to a message that lacks it: Date, Message-ID, From. RFC 6409 8.
#pragma once

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

}  // namespace ostler::message
