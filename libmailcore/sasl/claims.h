// claims.h - what is said about a bearer token's owner, and whether that makes them one of our users. Pure.
// RFC 7519 4.1 (claims), RFC 7662 2.2 (an introspection's answer has the same ones), RFC 8693 4.2 (scope).
// Is not: whether the claims are genuine. A signature says so (jwt.h), or the server that was asked.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "libmailcore/base/clock.h"
#include "libmailcore/base/result.h"

namespace ostler::sasl {

struct ClaimRules {
  std::string issuer;    ///< empty: any
  std::string audience;  ///< empty: any
  std::string userClaim = "email";
  std::string scope;     ///< one that the token must have; empty: none
};

/// Must there be an end to what they say?
enum class Expiry { required, optional };

/// Whom a JSON object of claims names. Errors: denied, with the reason for the log.
[[nodiscard]] Result<std::string> userOfClaims(const ClaimRules& rules, std::string_view claims, Expiry expiry, WallTime now);

/// Whom the authorization server's answer about a token names. One that is not active names nobody. RFC 7662 2.2.
/// Errors: denied; syntax, when that is no answer at all: the server's fault, not the client's.
[[nodiscard]] Result<std::string> userOfIntrospection(const ClaimRules& rules, std::string_view answer, WallTime now);

}  // namespace ostler::sasl
