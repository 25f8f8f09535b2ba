#include "libmailcore/directory/import.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <sstream>

#include "tests/unit/libmailcore/directory/temporary_directory.h"

using namespace ostler;
using namespace ostler::directory;

TEST_CASE("ten thousand users with one password are imported in one go, in less than five seconds") {
  TemporaryDirectory directory;
  REQUIRE(directory.addDomain("example.test"));
  REQUIRE(directory.addUser("u7", "example.test"));
  std::stringstream lines;
  lines << "# made by a test\n\n";
  for (int i = 0; i < 10'000; ++i) lines << "u" << i << "@example.test pass word\n";
  const auto begin = std::chrono::steady_clock::now();
  const auto outcome = importUsers(*directory.own, lines, ImportColumn::password);
  REQUIRE(outcome);
  CHECK(outcome->added == 9'999);
  CHECK(outcome->existed == 1);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
  const auto domain = directory.own->domain("example.test").value();
  CHECK(
      sasl::checkPassword(directory.own->user(*domain, "u9999").value()->verifiers.passwordHash, "pass word").value());
  CHECK(directory.own->user(*domain, "u7").value()->verifiers.passwordHash.empty());
}

TEST_CASE("an import with a mistake imports nobody, and names the line") {
  TemporaryDirectory directory;
  REQUIRE(directory.addDomain("example.test"));
  for (const char* const text :
       {"a@example.test x\nb@example.test\n", "a@example.test x\nb@elsewhere.test x\n", "a@example.test x\nb x\n"}) {
    INFO(text);
    std::stringstream lines(text);
    const auto outcome = importUsers(*directory.own, lines, ImportColumn::password);
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().detail.substr(0, 7) == "line 2:");
    CHECK(directory.own->users("").value().empty());
  }
  std::stringstream hashes("a@example.test $5$saltsalt$0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.lpPdS5sA\n");
  CHECK(importUsers(*directory.own, hashes, ImportColumn::hash)->added == 1);
  std::stringstream noHash("b@example.test secret\n");
  CHECK_FALSE(importUsers(*directory.own, noHash, ImportColumn::hash));
}
