#include "libmailcore/directory/check.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "libmailcore/directory/resolve.h"
#include "libmailcore/ipc/directory.h"
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

TEST_CASE("check: an alias that names somebody whom nobody is, beside others, is told") {
  TemporaryDirectory directory;
  config::Config config;
  config.directory.postmaster = "alice@example.test";
  REQUIRE(directory.addDomain("example.test"));
  REQUIRE(directory.addUser("alice", "example.test"));
  REQUIRE(directory.addAlias("mix", "example.test", {"alice", "nouser"}));
  REQUIRE(directory.addAlias("outer", "example.test", {"mix", "far@else.test"}));
  REQUIRE(directory.addAlias("whole", "example.test", {"alice", "far@else.test"}));
  const std::string text = found(directory, config);
  CHECK(text.find("alias mix@example.test names nouser@example.test, whom nobody is") != text.npos);
  CHECK(text.find("alias outer@example.test names nouser@example.test, whom nobody is") != text.npos);
  CHECK(text.find("alias whole@") == text.npos);
}

TEST_CASE("check: an alias that leads to more than one message can go to is an error, and one that says so itself is not even taken") {
  TemporaryDirectory directory;
  config::Config config;
  config.directory.postmaster = "alice@example.test";
  REQUIRE(directory.addDomain("example.test"));
  REQUIRE(directory.addUser("alice", "example.test"));
  for (const std::string name : {"first", "second"}) {
    std::vector<std::string> targets;
    for (std::size_t n = 0; n < kMostPlaces / 2 + 1; ++n) targets.push_back(name + std::to_string(n) + "@far.test");
    REQUIRE(directory.addAlias(name, "example.test", targets));
  }
  CHECK(found(directory, config).empty());
  REQUIRE(directory.addAlias("all", "example.test", {"first", "second"}));
  CHECK(found(directory, config).find("E alias all@example.test: it leads to more than 100000 places: mail for it is refused; divide it") == 0);
  const Result<void> refused = directory.addAlias("much", "example.test", std::vector<std::string>(kMostPlaces + 1, "a@far.test"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().detail.find("leads to 100001 places, and may to 100000") != std::string::npos);
}

TEST_CASE("check: an alias of a list that is too large to be one is an error, and its mail is refused, not deferred for ever") {
  TemporaryDirectory directory;
  config::Config config;
  config.directory.aliasFiles = true;
  config.directory.postmaster = "alice@example.test";
  REQUIRE(directory.addDomain("example.test"));
  REQUIRE(directory.addUser("alice", "example.test"));
  const std::string list = directory.folder.file("list");
  const auto write = [&list](std::size_t octets) {
    std::ofstream file(list);
    for (std::size_t at = 0; at < octets; at += 16) file << "# a long comment\n";
    file << "alice\n";
  };
  REQUIRE(directory.addAlias("all", "example.test", {":include:" + list}));
  const auto kind = [&] { return resolve(*directory.own, resolveOptions(config), "all@example.test")->kind; };
  write(5U << 20);
  CHECK(found(directory, config).empty());
  CHECK(kind() == ipc::Resolution::Kind::local);
  write(16U << 20);
  CHECK(found(directory, config) == "E alias all@example.test: list " + list + " is larger than 16 MiB: mail for it is refused; divide it\n");
  CHECK(kind() == ipc::Resolution::Kind::tooMany);
}

TEST_CASE("check: a postmaster who is named and not there is told of, with who reads the mail instead") {
  TemporaryDirectory directory;
  config::Config config;
  config.directory.postmaster = "nouser@example.test";
  config.places["directory.postmaster"] = {"ostler.yaml", 3, 14};
  REQUIRE(directory.addDomain("example.test"));
  REQUIRE(directory.addUser("alice", "example.test"));
  const auto problems = checkDirectory(*directory.own, config);
  REQUIRE(problems.size() == 1);
  CHECK(toText(problems[0]).substr(0, 87) == "ostler.yaml:3:14: warning: directory.postmaster: nouser@example.test reaches nobody; th");
  config.directory.postmaster = "somebody@elsewhere.test";
  CHECK(found(directory, config).empty());
}
