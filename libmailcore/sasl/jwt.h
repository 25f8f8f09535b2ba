// jwt.h - bearer tokens: signed claims about who somebody is, and the keys that sign them. Pure.
// RFC 7519 (JWT), RFC 7515 (JWS, compact form), RFC 7517 and RFC 7518 (JWK: RSA, EC P-256), RFC 8037 (Ed25519), RFC 8725 (what to
// refuse). Never accepted: no signature ("none"), a shared secret (HS256), an algorithm that does not fit the key.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "libmailcore/base/clock.h"
#include "libmailcore/base/result.h"
#include "libmailcore/sasl/claims.h"

namespace ostler::sasl {

/// Public keys. Immutable. Any thread.
class JwkSet {
 public:
  /// Keys of kinds that are not known are passed over. Errors: syntax.
  [[nodiscard]] static Result<std::shared_ptr<const JwkSet>> parse(std::string_view json);
  ~JwkSet();
  struct Impl;
  explicit JwkSet(std::unique_ptr<Impl> impl);
  [[nodiscard]] const Impl& impl() const { return *impl_; }
  [[nodiscard]] std::size_t size() const;

 private:
  std::unique_ptr<Impl> impl_;
};

/// What a token must say beside being signed and in date.
struct TokenRules {
  std::shared_ptr<const JwkSet> keys;  ///< null: no token is good
  ClaimRules claims;
  bool askServer = false;  ///< about tokens that none of the keys has signed: RFC 7662
};

/// Whom the token names. Errors: denied, with the reason for the log.
[[nodiscard]] Result<std::string> userOfToken(const TokenRules& rules, std::string_view token, WallTime now);

}  // namespace ostler::sasl
