#include "libmailcore/sasl/jwt.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/base64.h"

namespace ostler::sasl {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostToken = 16 * 1024;

struct Free {
  void operator()(EVP_PKEY* it) const { EVP_PKEY_free(it); }
  void operator()(EVP_PKEY_CTX* it) const { EVP_PKEY_CTX_free(it); }
  void operator()(EVP_MD_CTX* it) const { EVP_MD_CTX_free(it); }
  void operator()(OSSL_PARAM_BLD* it) const { OSSL_PARAM_BLD_free(it); }
  void operator()(OSSL_PARAM* it) const { OSSL_PARAM_free(it); }
  void operator()(BIGNUM* it) const { BN_free(it); }
  void operator()(ECDSA_SIG* it) const { ECDSA_SIG_free(it); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

const unsigned char* octetsIn(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

// base64url without padding: RFC 7515 2.
std::optional<std::string> fromBase64Url(std::string_view text) {
  std::string standard(text);
  std::replace(standard.begin(), standard.end(), '-', '+');
  std::replace(standard.begin(), standard.end(), '_', '/');
  if (text.find_first_of("+/=") != std::string_view::npos) return std::nullopt;
  standard.append((4 - standard.size() % 4) % 4, '=');
  Result<std::string> decoded = decodeBase64(standard);
  return decoded ? std::optional(std::move(*decoded)) : std::nullopt;
}

std::string textOf(const Json& object, const char* member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}
std::string octetsOf(const Json& object, const char* member) { return fromBase64Url(textOf(object, member)).value_or(""); }

Owned<EVP_PKEY> fromParameters(const char* type, OSSL_PARAM_BLD* build) {
  const Owned<OSSL_PARAM> parameters(OSSL_PARAM_BLD_to_param(build));
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  const bool made = parameters && context && EVP_PKEY_fromdata_init(context.get()) == 1 &&
                    EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) == 1;
  return Owned<EVP_PKEY>(made ? key : nullptr);
}

Owned<EVP_PKEY> rsaKey(const Json& jwk) {
  const std::string n = octetsOf(jwk, "n");
  const std::string e = octetsOf(jwk, "e");
  if (n.size() < 256 || n.size() > 1024 || e.empty() || e.size() > 8) return nullptr;  // 2048 bits at least: RFC 7518 3.3
  const Owned<BIGNUM> modulus(BN_bin2bn(octetsIn(n), static_cast<int>(n.size()), nullptr));
  const Owned<BIGNUM> exponent(BN_bin2bn(octetsIn(e), static_cast<int>(e.size()), nullptr));
  const Owned<OSSL_PARAM_BLD> build(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
  OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
  return fromParameters("RSA", build.get());
}

Owned<EVP_PKEY> ecKey(const Json& jwk) {
  const std::string x = octetsOf(jwk, "x");
  const std::string y = octetsOf(jwk, "y");
  if (textOf(jwk, "crv") != "P-256" || x.size() != 32 || y.size() != 32) return nullptr;
  const std::string point = "\x04" + x + y;
  const Owned<OSSL_PARAM_BLD> build(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
  OSSL_PARAM_BLD_push_octet_string(build.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  return fromParameters("EC", build.get());
}

Owned<EVP_PKEY> edKey(const Json& jwk) {
  const std::string x = octetsOf(jwk, "x");
  if (textOf(jwk, "crv") != "Ed25519" || x.size() != 32) return nullptr;
  return Owned<EVP_PKEY>(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, octetsIn(x), x.size()));
}

// The kinds of keys, with the one algorithm that each is good for: a token cannot choose another (RFC 8725 3.1).
struct Kind {
  std::string_view type;
  std::string_view algorithm;
  Owned<EVP_PKEY> (*make)(const Json&);
};
constexpr Kind kKinds[] = {{"RSA", "RS256", rsaKey}, {"EC", "ES256", ecKey}, {"OKP", "EdDSA", edKey}};

// r and s, 32 octets each, as OpenSSL wants them: RFC 7518 3.4.
std::string toDer(std::string_view signature) {
  if (signature.size() != 64) return {};
  const Owned<ECDSA_SIG> both(ECDSA_SIG_new());
  ECDSA_SIG_set0(both.get(), BN_bin2bn(octetsIn(signature), 32, nullptr), BN_bin2bn(octetsIn(signature.substr(32)), 32, nullptr));
  unsigned char* der = nullptr;
  const int length = i2d_ECDSA_SIG(both.get(), &der);
  std::string out(reinterpret_cast<const char*>(der), length > 0 ? static_cast<std::size_t>(length) : 0);
  OPENSSL_free(der);
  return out;
}

bool verifies(EVP_PKEY* key, std::string_view algorithm, std::string_view signedText, std::string signature) {
  if (algorithm == "ES256") signature = toDer(signature);
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  const EVP_MD* const digest = algorithm == "EdDSA" ? nullptr : EVP_sha256();
  if (signature.empty() || EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key) != 1) return false;
  return EVP_DigestVerify(context.get(), octetsIn(signature), signature.size(), octetsIn(signedText), signedText.size()) == 1;
}

Json parseObject(std::string_view text) {
  Json value = Json::parse(text, nullptr, false);
  return value.is_object() ? value : Json();
}

}  // namespace

struct JwkSet::Impl {
  struct Key {
    std::string id;
    std::string_view algorithm;
    Owned<EVP_PKEY> key;
  };
  std::vector<Key> keys;
};

JwkSet::JwkSet(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
JwkSet::~JwkSet() = default;
std::size_t JwkSet::size() const { return impl_->keys.size(); }

Result<std::shared_ptr<const JwkSet>> JwkSet::parse(std::string_view json) {
  const Json set = parseObject(json);
  const auto list = set.is_object() ? set.find("keys") : set.end();
  if (!set.is_object() || list == set.end() || !list->is_array()) return fail(Error::Kind::syntax, "not a JWK set");
  auto impl = std::make_unique<Impl>();
  for (const Json& jwk : *list) {
    if (!jwk.is_object() || (jwk.contains("use") && textOf(jwk, "use") != "sig")) continue;
    for (const Kind& kind : kKinds) {
      const std::string algorithm = textOf(jwk, "alg");
      if (textOf(jwk, "kty") != kind.type || (!algorithm.empty() && algorithm != kind.algorithm)) continue;
      if (Owned<EVP_PKEY> key = kind.make(jwk)) impl->keys.push_back({textOf(jwk, "kid"), kind.algorithm, std::move(key)});
    }
  }
  return std::make_shared<const JwkSet>(std::move(impl));
}

Result<std::string> userOfToken(const TokenRules& rules, std::string_view token, WallTime now) {
  const std::vector<std::string_view> parts = split(token, '.');
  if (token.size() > kMostToken || parts.size() != 3) return fail(Error::Kind::denied, "not a token");
  const Json header = parseObject(fromBase64Url(parts[0]).value_or(""));
  const std::string claimsText = fromBase64Url(parts[1]).value_or("");
  const std::string signature = fromBase64Url(parts[2]).value_or("");
  if (!header.is_object() || claimsText.empty() || signature.empty() || header.contains("crit")) return fail(Error::Kind::denied, "not a token we can read");
  if (!rules.keys) return fail(Error::Kind::denied, "no keys are configured");
  const std::string_view signedText = token.substr(0, parts[0].size() + 1 + parts[1].size());
  const std::string keyId = textOf(header, "kid");
  const std::string algorithm = textOf(header, "alg");
  const auto& keys = rules.keys->impl().keys;
  const bool isSigned = std::any_of(keys.begin(), keys.end(), [&](const JwkSet::Impl::Key& key) {
    const bool fits = key.algorithm == algorithm && (keyId.empty() || key.id.empty() || key.id == keyId);
    return fits && verifies(key.key.get(), algorithm, signedText, signature);
  });
  if (!isSigned) return fail(Error::Kind::denied, "no key of ours has signed the token");
  return userOfClaims(rules.claims, claimsText, Expiry::required, now);
}

}  // namespace ostler::sasl
