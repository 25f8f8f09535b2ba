// pressure.h - does a temporary refusal speak of the host, which wants less of us now, or of this message alone? Pure.
// RFC 3463 3 says it by enhanced codes, but most hosts use 4.7.0 and 4.7.1 for both, or none at all: then their words do.
// Is not: what the refusal means for the recipient (verdict.h), nor what is done about it (the schedule).
#pragma once

#include <string_view>

namespace ostler::smtp {

struct Pressure {
  bool isFelt = false;    ///< the host wants fewer connections, a slower pace, or rest
  std::string_view rule;  ///< for people: "4.4.5: the host has too much to do (RFC 3463 3.5)"; empty: no rule fits
};

/// `enhanced`: "4.7.0", or empty. `text`: as it came, lines separated by \n. The first rule of the table that fits. Whoever is in doubt
/// feels none: greylisting, a full mailbox and a sender's own limit must not slow down other mail.
[[nodiscard]] Pressure pressureOf(int code, std::string_view enhanced, std::string_view text);

}  // namespace ostler::smtp
