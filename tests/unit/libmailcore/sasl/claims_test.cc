#include "libmailcore/sasl/claims.h"

#include <catch2/catch.hpp>

#include "libmailcore/sasl/bearer.h"

using namespace ostler;
using namespace ostler::sasl;

namespace {

const WallTime kToday = fromUnixMillis(1'700'000'000'000);
const ClaimRules kRules{"https://id.example", "mail", "email", "smtp"};
const std::string kActive =
    R"({"active":true,"iss":"https://id.example","aud":"mail","scope":"openid smtp","exp":1700000600,"email":"alice@example.test"})";

std::string without(const std::string& part, const std::string& instead = "") {
  std::string text = kActive;
  text.replace(text.find(part), part.size(), instead);
  return text;
}

}  // namespace

TEST_CASE("claims: an active token of the right issuer, audience and scope names its user") {
  CHECK(userOfIntrospection(kRules, kActive, kToday) == "alice@example.test");
  CHECK(userOfIntrospection({}, R"({"active":true,"email":"alice@example.test"})", kToday) == "alice@example.test");
  CHECK(userOfIntrospection({"", "", "username", ""}, R"({"active":true,"username":"alice"})", kToday) == "alice");
}

TEST_CASE("claims: what is not active, not in date or for somebody else names nobody") {
  const std::string bad[] = {
      R"({"active":false})",
      R"({"active":false,"email":"alice@example.test"})",
      without(R"("active":true)", R"("active":false)"),
      without(R"("exp":1700000600)", R"("exp":1699999000)"),
      without(R"("exp":1700000600)", R"("exp":"soon")"),
      without(R"("exp":1700000600)", R"("nbf":1700000500)"),
      without("https://id.example", "https://evil.example"),
      without(R"("aud":"mail")", R"("aud":["web"])"),
      without(R"(,"aud":"mail")"),
      without("openid smtp", "openid smtpx"),
      without(R"("scope":"openid smtp",)"),
      without(R"("email":"alice@example.test")", R"("username":"alice@example.test")"),
      without(R"("email":"alice@example.test")", R"("email":"alice@example.test","email_verified":false)"),
  };
  for (const std::string& answer : bad) {
    CAPTURE(answer);
    const auto user = userOfIntrospection(kRules, answer, kToday);
    REQUIRE_FALSE(user);
    CHECK(user.error().kind == Error::Kind::denied);
  }
}

TEST_CASE("claims: an answer that is none is the server's fault") {
  for (const char* const answer : {"", "<html>", "[]", "{}", R"({"active":"true"})", R"({"active":1})", R"({"active":true)"}) {
    CAPTURE(answer);
    const auto user = userOfIntrospection({}, answer, kToday);
    REQUIRE_FALSE(user);
    CHECK(user.error().kind == Error::Kind::syntax);
  }
}

TEST_CASE("bearer: a token that no key of ours has signed is asked about, where there is a server to ask") {
  Context context;
  context.tokens.askServer = true;
  context.now = kToday;
  const std::string message = "user=alice@example.test\x01" "auth=Bearer opaque-1\x01\x01";
  const auto mechanism = makeXoauth2(context);
  CHECK(std::get<AskAboutToken>(mechanism->start(message)).token == "opaque-1");
  CHECK(std::get<FindVerifiers>(mechanism->introspected(R"({"active":true,"email":"alice@example.test"})")).user == "alice@example.test");
  const Verifiers none;
  CHECK(std::get<Succeeded>(mechanism->verifiersFound(&none)).authorizationId == "alice@example.test");

  const auto other = makeXoauth2(context);
  (void)other->start(message);
  CHECK(std::get<Challenge>(other->introspected(R"({"active":false})")).data.find("invalid_token") != std::string::npos);
  CHECK(std::holds_alternative<Failed>(other->introspected(R"({"active":true,"email":"alice@example.test"})")));
  CHECK(std::holds_alternative<Failed>(makeXoauth2(context)->introspected(R"({"active":true,"email":"alice@example.test"})")));
}
