#include "libmailcore/sasl/verifiers.h"

#include <crypt.h>

#include <catch2/catch.hpp>
#include <memory>

#include "libmailcore/sasl/prep.h"

using namespace ostler;
using namespace ostler::sasl;

namespace {
VerifierOptions cheap() {
  VerifierOptions options;
  options.argon2MemoryKiB = 64;
  options.argon2Passes = 1;
  options.scramIterations = 4096;
  return options;
}
}  // namespace

TEST_CASE("a password is recognised by its argon2id hash, another is not") {
  const Verifiers made = makeVerifiers("correct horse", cheap()).value();
  CHECK(made.passwordHash.substr(0, 28) == "$argon2id$v=19$m=64,t=1,p=1$");
  CHECK(checkPassword(made.passwordHash, "correct horse").value());
  CHECK_FALSE(checkPassword(made.passwordHash, "correct horses").value());
  CHECK(made.recoverableSecret.empty());
  CHECK_FALSE(made.scramSha1);
}

TEST_CASE("crypt(3) hashes made elsewhere are checked") {
  char yescryptSetting[CRYPT_GENSALT_OUTPUT_SIZE];
  REQUIRE(crypt_gensalt_rn("$y$", 1, "sixteen octets..", 16, yescryptSetting, sizeof yescryptSetting) != nullptr);
  const auto scratch = std::make_unique<crypt_data>();
  const std::vector<std::string> hashes = {
      "$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1",
      "$5$saltsalt$0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.lpPdS5sA",
      "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
      crypt_r("secret", yescryptSetting, scratch.get()),
  };
  for (const std::string& hash : hashes) {
    INFO(hash);
    CHECK(checkHashFormat(hash));
    CHECK(checkPassword(hash, "secret").value());
    CHECK_FALSE(checkPassword(hash, "Secret").value());
  }
}

TEST_CASE("a hash of a format nobody knows is an error that does not show the hash") {
  const auto outcome = checkPassword("{MD5}X03MO1qnZdYdgyfeuILPmQ==", "secret");
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().kind == Error::Kind::permanent);
  CHECK(outcome.error().detail.find("X03MO1qnZdYdgyfeuILPmQ") == std::string::npos);
  CHECK_FALSE(checkHashFormat("secret"));
  CHECK_FALSE(checkHashFormat("$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/"));
  CHECK_FALSE(checkHashFormat("$argon2id$v=19$m=4294967295,t=2,p=1$AAAA$AAAA"));
  CHECK_FALSE(checkHashFormat("$6$salt$with:colon-xxxxxxxxxxxxxxxxxxx"));
}

TEST_CASE("SASLprep brings names and passwords into one form: the examples of RFC 4013 3") {
  CHECK(saslPrep("I\u00ADX").value() == "IX");
  CHECK(saslPrep("user").value() == "user");
  CHECK(saslPrep("USER").value() == "USER");
  CHECK(saslPrep("\u00AA").value() == "a");
  CHECK(saslPrep("\u2168").value() == "IX");
  CHECK_FALSE(saslPrep("\x07"));
  CHECK_FALSE(saslPrep("\u0627\x31"));
  CHECK_FALSE(saslPrep(""));
  CHECK_FALSE(saslPrep("\xff"));
}

TEST_CASE("a password typed in decomposed form is the one typed in composed form") {
  const Verifiers made = makeVerifiers("p\u00e4ssword", cheap()).value();
  CHECK(checkPassword(made.passwordHash, "pa\u0308ssword").value());
}
