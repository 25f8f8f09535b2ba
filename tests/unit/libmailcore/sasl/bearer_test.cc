#include "libmailcore/sasl/bearer.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "libmailcore/base/base64.h"
#include "libmailcore/sasl/external.h"

namespace ostler::sasl {
namespace {

const WallTime kNow = fromUnixMillis(1'700'000'000'000);

std::string base64Url(std::string_view octets) {
  std::string out = encodeBase64(octets);
  std::replace(out.begin(), out.end(), '+', '-');
  std::replace(out.begin(), out.end(), '/', '_');
  while (out.ends_with('=')) out.pop_back();
  return out;
}

/// An authority with one key of a kind, as an identity provider has it.
class Authority {
 public:
  explicit Authority(const char* type) : type_(type) {
    key_ = type_ == "RSA" ? EVP_RSA_gen(2048) : type_ == "EC" ? EVP_EC_gen("P-256") : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  }
  ~Authority() { EVP_PKEY_free(key_); }
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  std::string jwks() const {
    std::string members;
    if (type_ == "RSA") members = R"("n":")" + number(OSSL_PKEY_PARAM_RSA_N) + R"(","e":")" + number(OSSL_PKEY_PARAM_RSA_E) + '"';
    if (type_ == "EC") {
      members = R"("crv":"P-256","x":")" + number(OSSL_PKEY_PARAM_EC_PUB_X, 32) + R"(","y":")" + number(OSSL_PKEY_PARAM_EC_PUB_Y, 32) + '"';
    }
    if (type_ == "OKP") {
      unsigned char raw[32];
      std::size_t size = sizeof raw;
      EVP_PKEY_get_raw_public_key(key_, raw, &size);
      members = R"("crv":"Ed25519","x":")" + base64Url({reinterpret_cast<char*>(raw), size}) + '"';
    }
    return R"({"keys":[{"kty":")" + type_ + R"(","kid":"k1",)" + members + "}]}";
  }
  std::string algorithm() const { return type_ == "RSA" ? "RS256" : type_ == "EC" ? "ES256" : "EdDSA"; }
  std::string token(const std::string& claims, std::string header = "") const {
    if (header.empty()) header = R"({"alg":")" + algorithm() + R"(","kid":"k1"})";
    const std::string text = base64Url(header) + "." + base64Url(claims);
    return text + "." + base64Url(sign(text));
  }

 private:
  std::string number(const char* name, int width = 0) const {
    BIGNUM* value = nullptr;
    EVP_PKEY_get_bn_param(key_, name, &value);
    std::string out(static_cast<std::size_t>(width != 0 ? width : BN_num_bytes(value)), '\0');
    BN_bn2binpad(value, reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size()));
    BN_free(value);
    return base64Url(out);
  }
  std::string sign(const std::string& text) const {
    EVP_MD_CTX* const context = EVP_MD_CTX_new();
    EVP_DigestSignInit(context, nullptr, type_ == "OKP" ? nullptr : EVP_sha256(), nullptr, key_);
    std::string out(1024, '\0');
    std::size_t size = out.size();
    EVP_DigestSign(context, reinterpret_cast<unsigned char*>(out.data()), &size, reinterpret_cast<const unsigned char*>(text.data()), text.size());
    EVP_MD_CTX_free(context);
    out.resize(size);
    if (type_ != "EC") return out;
    const auto* der = reinterpret_cast<const unsigned char*>(out.data());
    ECDSA_SIG* const both = d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(out.size()));
    std::string raw(64, '\0');
    BN_bn2binpad(ECDSA_SIG_get0_r(both), reinterpret_cast<unsigned char*>(raw.data()), 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(both), reinterpret_cast<unsigned char*>(raw.data()) + 32, 32);
    ECDSA_SIG_free(both);
    return raw;
  }
  std::string type_;
  EVP_PKEY* key_;
};

TokenRules rulesOf(const Authority& authority) {
  return {JwkSet::parse(authority.jwks()).value(), {"https://id.example", "mail", "email", ""}};
}
const std::string kGood = R"({"iss":"https://id.example","aud":["web","mail"],"exp":1700000600,"email":"alice@example.test"})";

TEST_CASE("bearer: a token of each kind of key names its user") {
  const char* const type = GENERATE("RSA", "EC", "OKP");
  CAPTURE(type);
  const Authority authority(type);
  const auto user = userOfToken(rulesOf(authority), authority.token(kGood), kNow);
  REQUIRE(user);
  CHECK(*user == "alice@example.test");
}

TEST_CASE("bearer: what is not signed by a key of ours, not in date, or for somebody else is refused") {
  const Authority authority("EC");
  const Authority stranger("EC");
  const TokenRules rules = rulesOf(authority);
  const std::string none = base64Url(R"({"alg":"none"})") + "." + base64Url(kGood) + ".";
  std::string changed = authority.token(kGood);
  changed[changed.find('.') + 5] ^= 1;
  const std::string bad[] = {
      none,
      none + "AAAA",
      changed,
      stranger.token(kGood),
      authority.token(kGood, R"({"alg":"HS256","kid":"k1"})"),
      authority.token(kGood, R"({"alg":"RS256","kid":"k1"})"),
      authority.token(kGood, R"({"alg":"ES256","kid":"k2"})"),
      authority.token(kGood, R"({"alg":"ES256","kid":"k1","crit":["x"]})"),
      authority.token(R"({"iss":"https://id.example","aud":"mail","exp":1699999000,"email":"a@b.test"})"),
      authority.token(R"({"iss":"https://id.example","aud":"mail","email":"a@b.test"})"),
      authority.token(R"({"iss":"https://id.example","aud":"mail","exp":1700000600,"nbf":1700000500,"email":"a@b.test"})"),
      authority.token(R"({"iss":"https://evil.example","aud":"mail","exp":1700000600,"email":"a@b.test"})"),
      authority.token(R"({"iss":"https://id.example","aud":"web","exp":1700000600,"email":"a@b.test"})"),
      authority.token(R"({"iss":"https://id.example","aud":"mail","exp":1700000600})"),
      authority.token(R"({"iss":"https://id.example","aud":"mail","exp":1700000600,"email":"a@b.test","email_verified":false})"),
      authority.token("[]"),
      "",
      "a.b.c",
      std::string(100'000, 'a'),
  };
  for (const std::string& token : bad) {
    CAPTURE(token.substr(0, 200));
    CHECK_FALSE(userOfToken(rules, token, kNow));
  }
  CHECK_FALSE(userOfToken({}, authority.token(kGood), kNow));
}

TEST_CASE("bearer: key sets that are none are refused, weak and strange keys passed over") {
  CHECK_FALSE(JwkSet::parse("nonsense"));
  CHECK_FALSE(JwkSet::parse(R"({"keys":1})"));
  CHECK(JwkSet::parse(R"({"keys":[{"kty":"oct","k":"AAAA"},{"kty":"RSA","n":"AQAB","e":"AQAB"},{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},7]})").value()->size() == 0);
}

TEST_CASE("bearer: the client's message of OAUTHBEARER and XOAUTH2") {
  const auto full = parseOauthBearer("n,a=al=2Cice=3D@example.test,\x01host=mail\x01port=587\x01"
                                     "auth=Bearer abc.def.ghi\x01\x01");
  REQUIRE(full);
  CHECK(full->user == "al,ice=@example.test");
  CHECK(full->token == "abc.def.ghi");
  CHECK(parseOauthBearer("n,,\x01" "auth=Bearer x\x01\x01")->user.empty());
  CHECK(parseXoauth2("user=alice@example.test\x01" "auth=Bearer x\x01\x01")->user == "alice@example.test");
  const std::string bad = GENERATE("", "n,", "n,,", "y,,\x01" "auth=Bearer x\x01\x01", "n,,\x01" "auth=Basic x\x01\x01",
                                   "n,,\x01" "auth=Bearer \x01\x01", "n,,\x01" "auth=Bearer x\x01", "n,a=b=ZZ,\x01" "auth=Bearer x\x01\x01",
                                   "n,,\x01" "auth=Bearer x\x01" "auth=Bearer y\x01\x01");
  CHECK_FALSE(parseOauthBearer(bad));
  CHECK_FALSE(parseXoauth2(bad));
}

TEST_CASE("bearer: after a bad token the client is told why, and then that it is over") {
  const Authority authority("EC");
  Context context;
  context.tokens = rulesOf(authority);
  context.now = kNow;
  const auto mechanism = makeOauthBearer(context);
  const Step told = mechanism->start("n,,\x01" "auth=Bearer bad\x01\x01");
  CHECK(std::get<Challenge>(told).data.find("invalid_token") != std::string::npos);
  CHECK(std::get<Failed>(mechanism->response("\x01")).reason == kReasonCredentials);

  const auto good = makeXoauth2(context);
  const std::string message = "user=alice@example.test\x01" "auth=Bearer " + authority.token(kGood) + "\x01\x01";
  CHECK(std::get<FindVerifiers>(good->start(message)).user == "alice@example.test");
  const Verifiers verifiers;
  CHECK(std::get<Succeeded>(good->verifiersFound(&verifiers)).authorizationId == "alice@example.test");
}

TEST_CASE("external: the client is whom its certificate names, and nobody else") {
  Context context;
  context.peerAddresses = {"alice@example.test", "sales@example.test"};
  const Verifiers verifiers;
  const auto first = makeExternal(context);
  CHECK(std::get<FindVerifiers>(first->start("")).user == "alice@example.test");
  CHECK(std::get<Succeeded>(first->verifiersFound(&verifiers)).user == "alice@example.test");
  CHECK(std::get<FindVerifiers>(makeExternal(context)->start("Sales@example.test")).user == "sales@example.test");
  CHECK(std::holds_alternative<Failed>(makeExternal(context)->start("bob@example.test")));
  CHECK(std::holds_alternative<Failed>(makeExternal(Context())->start("")));
  const auto unknown = makeExternal(context);
  (void)unknown->start("");
  CHECK(std::holds_alternative<Failed>(unknown->verifiersFound(nullptr)));
}

}  // namespace
}  // namespace ostler::sasl
