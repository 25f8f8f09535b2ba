#include "libmailcore/sasl/mechanism.h"

#include <catch2/catch.hpp>

#include "libmailcore/base/ascii.h"
#include "libmailcore/sasl/plain.h"

using namespace ostler;
using namespace ostler::sasl;

namespace {
std::string nul(std::string text) {  // "|" stands for NUL
  for (char& c : text) c = c == '|' ? '\0' : c;
  return text;
}
}  // namespace

TEST_CASE("PLAIN asks to check the password and says who wants to act as whom") {
  const auto plain = findMechanism("PLAIN")->make({});
  const Step asked = plain->start(nul("boss|alice|secret"));
  CHECK(std::get<CheckPassword>(asked).user == "alice");
  CHECK(std::get<CheckPassword>(asked).password == "secret");
  CHECK(std::get<Succeeded>(plain->passwordChecked(true)).authorizationId == "boss");
}

TEST_CASE("PLAIN without an initial response asks for one with an empty challenge") {
  const auto plain = findMechanism("PLAIN")->make({});
  CHECK(std::get<Challenge>(plain->start(std::nullopt)).data.empty());
  CHECK(std::holds_alternative<CheckPassword>(plain->response(nul("|alice|secret"))));
  CHECK(std::get<Failed>(plain->passwordChecked(false)).reason == kReasonCredentials);
}

TEST_CASE("PLAIN: what is not three parts of UTF-8 is refused") {
  for (const char* const text : {"", "|", "||", "|alice|", "||secret", "a|b|c|d", "|al\xff|secret"}) {
    INFO(text);
    CHECK_FALSE(parsePlain(nul(text)));
  }
}

TEST_CASE("LOGIN asks for the name and then for the password, and takes the name as initial response") {
  for (const bool early : {false, true}) {
    const auto login = findMechanism("LOGIN")->make({});
    if (early) {
      CHECK(std::get<Challenge>(login->start("alice")).data == "Password:");
    } else {
      CHECK(std::get<Challenge>(login->start(std::nullopt)).data == "Username:");
      CHECK(std::get<Challenge>(login->response("alice")).data == "Password:");
    }
    const Step asked = login->response("secret");
    CHECK(std::get<CheckPassword>(asked).user == "alice");
    CHECK(std::get<CheckPassword>(asked).password == "secret");
    CHECK(std::get<Succeeded>(login->passwordChecked(true)).user == "alice");
  }
}

TEST_CASE("CRAM-MD5: the exchange of RFC 2195 2") {
  Context context;
  context.hostName = "postoffice.reston.mci.net";
  context.serverNonce = "1896.697170952";
  const auto server = findMechanism("CRAM-MD5")->make(context);
  CHECK(std::get<Challenge>(server->start(std::nullopt)).data == "<1896.697170952@postoffice.reston.mci.net>");
  REQUIRE(std::get<FindVerifiers>(server->response("tim b913a602c7eda7a495b4e6e7334d3890")).user == "tim");
  Verifiers verifiers;
  verifiers.recoverableSecret = "tanstaaftanstaaf";
  CHECK(std::get<Succeeded>(server->verifiersFound(&verifiers)).user == "tim");
}

TEST_CASE("CRAM-MD5: a user without a recoverable secret fails as one that does not exist") {
  const Verifiers without;
  std::vector<std::string> reasons;
  for (const Verifiers* const verifiers : {&without, static_cast<const Verifiers*>(nullptr)}) {
    const auto server = findMechanism("CRAM-MD5")->make({});
    (void)server->start(std::nullopt);
    (void)server->response("tim b913a602c7eda7a495b4e6e7334d3890");
    reasons.push_back(std::get<Failed>(server->verifiersFound(verifiers)).reason);
  }
  CHECK(reasons[0] == reasons[1]);
}

TEST_CASE("each mechanism refuses calls that are out of turn, and there is no mechanism of another name") {
  for (const MechanismInfo& row : allMechanisms()) {
    INFO(row.name);
    CHECK(std::holds_alternative<Failed>(row.make({})->response("")));
    CHECK(std::holds_alternative<Failed>(row.make({})->verifiersFound(nullptr)));
  }
  CHECK(findMechanism("ANONYMOUS") == nullptr);
  CHECK(findMechanism("plain") == nullptr);
}
