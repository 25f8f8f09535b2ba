#include "libmailcore/sasl/claims.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "libmailcore/base/ascii.h"

namespace ostler::sasl {

namespace {

using Claims = nlohmann::json;
constexpr double kClockSkew = 60;  // seconds

std::string textClaim(const Claims& claims, const char* name) {
  const auto found = claims.find(name);
  return found != claims.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<double> numberClaim(const Claims& claims, const char* name) {
  const auto found = claims.find(name);
  return found != claims.end() && found->is_number() ? std::optional(found->get<double>()) : std::nullopt;
}

bool namesAudience(const Claims& claims, const std::string& wanted) {
  const auto found = claims.find("aud");
  if (found == claims.end()) return false;
  if (found->is_string()) return found->get<std::string>() == wanted;
  return found->is_array() && std::any_of(found->begin(), found->end(), [&](const Claims& one) { return one.is_string() && one == wanted; });
}

/// scope = scope-token *( SP scope-token ): RFC 6749 3.3
bool hasScope(const Claims& claims, const std::string& wanted) {
  const std::string scopes = textClaim(claims, "scope");
  const auto words = split(scopes, ' ');
  return std::find(words.begin(), words.end(), wanted) != words.end();
}

Result<void> inDate(const Claims& claims, Expiry expiry, WallTime now) {
  const double seconds = static_cast<double>(toUnixMillis(now)) / 1000;
  const bool mustEnd = expiry == Expiry::required || claims.contains("exp");
  const auto expires = numberClaim(claims, "exp");
  if (mustEnd && !expires) return fail(Error::Kind::denied, "token without exp");
  if (mustEnd && seconds > *expires + kClockSkew) return fail(Error::Kind::denied, "token has expired");
  if (claims.contains("nbf") && seconds + kClockSkew < numberClaim(claims, "nbf").value_or(1e18))
    return fail(Error::Kind::denied, "token is not valid yet");
  return {};
}

Result<std::string> userOf(const ClaimRules& rules, const Claims& claims, Expiry expiry, WallTime now) {
  const auto denied = [](std::string why) { return fail(Error::Kind::denied, std::move(why)); };
  if (const Result<void> valid = inDate(claims, expiry, now); !valid) return fail(valid.error());
  if (!rules.issuer.empty() && textClaim(claims, "iss") != rules.issuer) return denied("token of another issuer");
  if (!rules.audience.empty() && !namesAudience(claims, rules.audience)) return denied("token for another audience");
  if (!rules.scope.empty() && !hasScope(claims, rules.scope)) return denied("token without the scope " + rules.scope);
  // An address that its owner has not proven is anybody's.
  const auto verified = claims.find("email_verified");
  if (rules.userClaim == "email" && verified != claims.end() && *verified == false) return denied("address not verified");
  std::string user = textClaim(claims, rules.userClaim.c_str());
  if (user.empty()) return denied("token without " + rules.userClaim);
  return user;
}

}  // namespace

Result<std::string> userOfClaims(const ClaimRules& rules, std::string_view text, Expiry expiry, WallTime now) {
  const Claims claims = Claims::parse(text, nullptr, false);
  if (!claims.is_object()) return fail(Error::Kind::denied, "not a token we can read");
  return userOf(rules, claims, expiry, now);
}

Result<std::string> userOfIntrospection(const ClaimRules& rules, std::string_view answer, WallTime now) {
  const Claims claims = Claims::parse(answer, nullptr, false);
  const auto active = claims.is_object() ? claims.find("active") : claims.end();
  if (!claims.is_object() || active == claims.end() || !active->is_boolean()) return fail(Error::Kind::syntax, "not an answer of RFC 7662");
  if (!active->get<bool>()) return fail(Error::Kind::denied, "the token is not active");
  return userOf(rules, claims, Expiry::optional, now);
}

}  // namespace ostler::sasl
