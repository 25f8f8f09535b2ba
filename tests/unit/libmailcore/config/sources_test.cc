#include "libmailcore/config/sources.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/unit/support/temporary_folder.h"

using namespace ostler;
using namespace ostler::config;

TEST_CASE("a snapshot is read as the files it was made of: their places, their relative paths") {
  const test::TemporaryFolder folder;
  std::filesystem::create_directories(folder.file("etc/conf.d"));
  std::ofstream(folder.file("etc/ostler.yaml")) << "host_name: mail.example.test\nspool_dir: spool\nroutes: [{domain: a.test}]\n";
  std::ofstream(folder.file("etc/conf.d/a.yaml")) << "workers: 3\nsmtp: {relay_from: [0.0.0.0/0]}\n";
  std::vector<Problem> problems;
  std::ofstream(folder.file("snapshot")) << snapshotOf(readSources(folder.file("etc/ostler.yaml"), problems));
  CHECK(problems.empty());
  std::ofstream(folder.file("etc/ostler.yaml")) << "bogus: 1\n";
  std::filesystem::remove_all(folder.file("etc/conf.d"));

  const Loaded loaded = load(folder.file("snapshot"));
  REQUIRE(loaded.config);
  CHECK(loaded.config->workers == 3);
  CHECK(loaded.config->spoolDir == folder.file("etc/spool"));
  CHECK(loaded.config->routes.at(0).place.text() == folder.file("etc/ostler.yaml") + ":3:10");
  CHECK(loaded.config->placeOf("").file == folder.file("etc/ostler.yaml"));
  REQUIRE_FALSE(loaded.problems.empty());
  CHECK(loaded.problems[0].place.text() == folder.file("etc/conf.d/a.yaml") + ":2:8");
}

TEST_CASE("a snapshot that is cut off anywhere is none") {
  const std::vector<Source> sources = {{"/etc/ostler/ostler.yaml", "host_name: a\n"}, {"/etc/ostler/conf.d/x y.yaml", ""}};
  const std::string whole = snapshotOf(sources);
  CHECK(sourcesOf(whole) == sources);
  const std::size_t first = snapshotOf({sources[0]}).size();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CAPTURE(length);
    if (length != first) CHECK(sourcesOf(whole.substr(0, length)).empty());
  }
  CHECK(sourcesOf("ostler-configuration-snapshot\n99999999999999999999 1\nx").empty());
  CHECK(sourcesOf("host_name: a\n").empty());
}

TEST_CASE("who has no configuration yet is told what writes one") {
  std::vector<Problem> problems;
  (void)readSources("/nowhere/ostler.yaml", problems);
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].text.find("'ostler setup DOMAIN' writes one") != std::string::npos);
}
