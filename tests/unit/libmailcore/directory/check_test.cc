#include "libmailcore/directory/check.h"

#include <catch2/catch.hpp>

#include "tests/unit/libmailcore/directory/temporary_directory.h"

using namespace ostler;
using namespace ostler::directory;

namespace {
std::string found(TemporaryDirectory& directory, const config::Config& config) {
  std::string all;
  for (const config::Problem& problem : checkDirectory(*directory.own, config)) {
    all += (problem.severity == config::Problem::Severity::error ? "E " : "W ") + problem.text + "\n";
  }
  return all;
}
}  // namespace

TEST_CASE("check: a domain without any user has a postmaster without an owner, and that is an error") {
  TemporaryDirectory directory;
  config::Config config;
  CHECK(found(directory, config).substr(0, 26) == "W there is no local domain");
  REQUIRE(directory.addDomain("example.test"));
  CHECK(found(directory, config).substr(0, 39) == "E postmaster@example.test reaches nobod");
  REQUIRE(directory.addUser("alice", "example.test"));
  CHECK(found(directory, config).substr(0, 31) == "W nobody is named as postmaster");
  config.directory.postmaster = "alice@example.test";
  CHECK(found(directory, config).empty());
}

TEST_CASE("check: aliases and catch-alls that reach nobody are told") {
  TemporaryDirectory directory;
  config::Config config;
  config.directory.postmaster = "alice@example.test";
  Domain domain;
  domain.name = "example.test";
  domain.catchAll = "ghost@example.test";
  REQUIRE(directory.addDomain(domain));
  REQUIRE(directory.addUser("alice", "example.test"));
  REQUIRE(directory.addAlias("dead", "example.test", {"nobody"}));
  REQUIRE(directory.addAlias("circle", "example.test", {"circle"}));
  const std::string text = found(directory, config);
  CHECK(text.find("catch-all of example.test") != text.npos);
  CHECK(text.find("alias dead@example.test leads to nobody") != text.npos);
  CHECK(text.find("alias circle@example.test leads back to itself") != text.npos);
}
