#include "queued/spool/history.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/unit/support/temporary_folder.h"

using namespace ostler;
using namespace ostler::spool;

namespace {

/// As Id128::make(), which never goes back in time.
Id128 idOf(WallTime time, unsigned char last) {
  std::array<unsigned char, 16> octets{};
  const auto millis = static_cast<std::uint64_t>(toUnixMillis(time));
  for (std::size_t at = 0; at < 6; ++at) octets[at] = static_cast<unsigned char>(millis >> (8 * (5 - at)));
  octets[15] = last;
  return Id128(octets);
}

}  // namespace

TEST_CASE("a message's life is told in its order, over midnight, and nobody else's with it") {
  const test::TemporaryFolder folder;
  const WallTime first = fromUnixMillis(1'700'000'000'000);
  const Id128 id = idOf(first, 1);
  const Id128 other = idOf(first, 2);
  std::vector<History::Event> events;
  {
    Pool pool("history", 2);
    History history(pool, folder.path() + "/history");
    history.note(id, first, "accepted from=<a@b.test>\nforged line");
    history.note(other, first, "accepted from=<c@d.test>");
    history.flushNow();
    history.note(id, first + std::chrono::hours(30), "delivered");
    history.flushNow();
    events = history.lookUp(id, first + std::chrono::hours(48))();  // whether the pool has come to it or not
  }
  REQUIRE(events.size() == 2);
  CHECK(events[0].text == "accepted from=<a@b.test> forged line");
  CHECK(events[0].at == first);
  CHECK(events[1].text == "delivered");
}

TEST_CASE("a message that came before the clock was set back by days is found") {
  const test::TemporaryFolder folder;
  const WallTime first = fromUnixMillis(1'700'000'000'000);
  const WallTime setBack = first - std::chrono::hours(100);
  const Id128 id = idOf(first, 1);
  Pool pool("history", 1);
  History history(pool, folder.path() + "/history");
  history.note(id, setBack, "accepted");
  CHECK(history.lookUp(id, setBack)().size() == 1);
  CHECK(history.lookUp(id, first + std::chrono::hours(1))().size() == 1);  // time has caught up with it
}

TEST_CASE("an id that somebody typed, with a time that no clock knows, is looked for like any other") {
  const test::TemporaryFolder folder;
  const WallTime now = fromUnixMillis(1'700'000'000'000);
  const Id128 id = Id128::fromOctets(std::string(16, '\xFF')).value();
  Pool pool("history", 1);
  History history(pool, folder.path() + "/history");
  CHECK(history.lookUp(id, now)().empty());
  history.note(id, now, "accepted");
  CHECK(history.lookUp(id, now)().size() == 1);
}

TEST_CASE("days older than they are kept go") {
  const test::TemporaryFolder folder;
  const WallTime first = fromUnixMillis(1'700'000'000'000);
  const Id128 id = idOf(first, 1);
  std::function<std::vector<History::Event>()> lookUp;
  {
    Pool pool("history", 1);
    History history(pool, folder.path() + "/history");
    history.note(id, first, "accepted");
    history.flushNow();
    history.note(id, first + std::chrono::hours(72), "delivered");
    history.flushNow();
    history.flush(first + std::chrono::hours(72), std::chrono::hours(24));
    lookUp = history.lookUp(id, first + std::chrono::hours(96));
  }
  const auto events = lookUp();
  REQUIRE(events.size() == 1);
  CHECK(events[0].text == "delivered");
}
