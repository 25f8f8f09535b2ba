#include "libmailcore/metrics/counters.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/unit/support/temporary_folder.h"

namespace ostler::metrics {
namespace {

TEST_CASE("counters: what several threads count is read from outside, and counting goes on after a restart") {
  const test::TemporaryFolder folder;
  for (int run = 0; run < 2; ++run) {
    const auto counters = Counters::open(folder.file("smtpd"));
    REQUIRE(counters);
    std::vector<std::thread> threads;
    for (int n = 0; n < 4; ++n) {
      threads.emplace_back([&] {
        for (int i = 0; i < 1000; ++i) (*counters)->add("session-end");
        (*counters)->add("login", 5);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  const auto reading = readCounters(folder.file("smtpd"));
  REQUIRE(reading);
  CHECK(reading->counts.at("session-end") == 8000);
  CHECK(reading->counts.at("login") == 40);
}

TEST_CASE("counters: the folder's group may read them, whatever the umask of who counts") {
  const test::TemporaryFolder folder;
  const mode_t before = ::umask(0077);
  const auto counters = Counters::open(folder.file("smtpd"));
  ::umask(before);
  REQUIRE(counters);
  struct stat status{};
  REQUIRE(::stat(folder.file("smtpd").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0640);
}

TEST_CASE("counters: more names than there is room for, and names that are none, change nothing else") {
  const test::TemporaryFolder folder;
  const auto counters = Counters::open(folder.file("smtpd"));
  REQUIRE(counters);
  (*counters)->add("a\"} 1\n", 3);
  for (int i = 0; i < 1000; ++i) (*counters)->add("name-" + std::to_string(i));
  const auto reading = readCounters(folder.file("smtpd"));
  REQUIRE(reading);
  CHECK(reading->counts.at("other") == 3);
  CHECK(reading->counts.at("name-0") == 1);
}

TEST_CASE("counters: a file that is none is refused by a reader and made anew by its owner") {
  const test::TemporaryFolder folder;
  std::ofstream(folder.file("smtpd")) << "something else";
  CHECK_FALSE(readCounters(folder.file("smtpd")));
  CHECK(Counters::open(folder.file("smtpd")));
  CHECK(readCounters(folder.file("smtpd")));
}

}  // namespace
}  // namespace ostler::metrics
