// rewriting.h - a message as this next hop can take it: without octets above 127 where it lacks 8BITMIME (RFC 6152 3), with its
// priority as a header field where it lacks MT-PRIORITY (RFC 6758).
#pragma once

#include <cstdint>
#include <string>

#include "libmailcore/message/seven_bit.h"
#include "libmailcore/smtp/client.h"

namespace ostler::out {

struct Rewriting {
  bool toSevenBit = false;
  message::HeaderOctets header = message::HeaderOctets::encoded;  ///< with toSevenBit
  std::int8_t priority = 0;  ///< as a field; 0: none
  [[nodiscard]] bool isNeeded() const { return toSevenBit || priority != 0; }
  bool operator==(const Rewriting&) const = default;
};

[[nodiscard]] Rewriting neededFor(const smtp::Capabilities& server, const smtp::Content& content, std::int8_t priority, bool lmtp);

/// The whole message anew; nothing but `prefix` is set of what comes out, and the pools. Errors: permanent (it is signed, or too
/// large to be converted); what reading says.
[[nodiscard]] Task<Result<smtp::Content>> rewrite(Loop& loop, const smtp::Content& content, Rewriting rewriting);

}  // namespace ostler::out
