#include "queued/auth/directory_watch.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/unit/queued/auth/house.h"

using namespace ostler;
using namespace ostler::queued::auth;
using namespace std::chrono_literals;

namespace {

Task<void> noteVersionAfter(House& house, std::uint64_t known, std::uint64_t& heard) {
  const Result<ipc::DirectoryVersion> version = co_await house.service->awaitDirectory(house.daemon, {known});
  heard = version->version;
}

}  // namespace

TEST_CASE("who waits for a change of the directory hears of it as soon as it is made, and of nothing else") {
  House house;
  const DirectoryWatch watch(house.loop, house.directory.folder.file("directory"), [&house] { house.service->directoryChanged(); });
  REQUIRE(watch.isWatching());
  const std::uint64_t before = house.own->version();
  std::uint64_t heard = 0;
  TaskScope waiting(house.loop);
  waiting.spawn(noteVersionAfter(house, before, heard));
  std::ofstream(house.directory.folder.file("directory/beside")) << "no change of the directory";
  CHECK_FALSE(house.loop.runUntilDone(waiting.whenIdle(Deadline::after(50ms))));
  CHECK(heard == 0);
  house.addUser("eve", "", false);
  REQUIRE(house.loop.runUntilDone(waiting.whenIdle(Deadline::after(10s))));
  CHECK(heard > before);
}
