// parameters.h - the parameters of MAIL and RCPT as typed values.
// Is not: whether an extension was offered, or fits the listener: that is the session's.
// RFC 5321 4.1.2 (esmtp-param), RFC 1870 (SIZE), RFC 6152 and RFC 3030 (BODY), RFC 6531 (SMTPUTF8), RFC 4954 5 (AUTH),
// RFC 3461 4 (RET, ENVID, NOTIFY, ORCPT), RFC 6533 3 (ORCPT of type utf-8), RFC 2852 4 (BY), RFC 4865 4 (HOLDFOR, HOLDUNTIL),
// RFC 6710 2 (MT-PRIORITY), RFC 8689 2 (REQUIRETLS).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "libmailcore/base/result.h"

namespace ostler::smtp {

enum class Body { sevenBit, eightBitMime, binaryMime };
enum class ReturnContent { full, headers };

/// When the message must have arrived, and what happens if it has not.
struct DeliverBy {
  std::int64_t seconds = 0;  ///< from now; 0 or less is late already, which `notify` alone may be
  bool giveBack = false;     ///< "R": return it then; else "N": tell the sender and go on
  bool trace = false;        ///< "T": tell the sender of each relay
  bool operator==(const DeliverBy&) const = default;
};

struct MailParameters {
  std::optional<std::uint64_t> size;
  std::optional<Body> body;
  bool smtpUtf8 = false;
  std::optional<std::string> auth;  ///< decoded: "alice@example.test", or "<>"
  std::optional<ReturnContent> ret;
  std::optional<std::string> envid;  ///< decoded
  std::optional<DeliverBy> by;
  std::optional<std::uint64_t> holdFor;    ///< seconds, 1 to 999,999,999
  std::optional<std::int64_t> holdUntil;   ///< seconds since 1970-01-01 UTC
  std::optional<std::int8_t> priority;     ///< -9 to 9
  bool requireTls = false;
  bool operator==(const MailParameters&) const = default;
};

/// When a report is wanted. All false: NEVER.
struct Notify {
  bool success = false;
  bool failure = false;
  bool delay = false;
  bool operator==(const Notify&) const = default;
};

/// The address as the first sender wrote it.
struct OriginalRecipient {
  std::string addressType;  ///< lower case: "rfc822", "utf-8"
  std::string address;      ///< decoded
  [[nodiscard]] std::string text() const { return addressType + ";" + address; }
  /// The reverse of text(). Nothing without a semicolon.
  [[nodiscard]] static std::optional<OriginalRecipient> fromText(std::string_view text);
  bool operator==(const OriginalRecipient&) const = default;
};

struct RcptParameters {
  std::optional<Notify> notify;
  std::optional<OriginalRecipient> orcpt;
  bool operator==(const RcptParameters&) const = default;
};

/// What follows the path: nothing, or a space before each parameter. Errors: notFound (a keyword that is not known: 555), syntax
/// (a bad value, or a keyword twice: 501).
[[nodiscard]] Result<MailParameters> parseMailParameters(std::string_view text);
[[nodiscard]] Result<RcptParameters> parseRcptParameters(std::string_view text);

/// As a client sends them, each with a space in front; the caller leaves out what the server does not offer.
[[nodiscard]] std::string format(const MailParameters& parameters);
[[nodiscard]] std::string format(const RcptParameters& parameters);

}  // namespace ostler::smtp
