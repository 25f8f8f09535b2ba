#include "queued/spool/history.h"

#include <catch2/catch.hpp>
#include <filesystem>

using namespace ostler;
using namespace ostler::spool;

namespace {

struct Folder {
  Folder() {
    char pattern[] = "/tmp/ostler-history-XXXXXX";
    path = ::mkdtemp(pattern);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

}  // namespace

TEST_CASE("a message's life is told in its order, over midnight, and nobody else's with it") {
  const Folder folder;
  const WallTime first = fromUnixMillis(1'700'000'000'000);
  const Id128 id = Id128::make(first);
  const Id128 other = Id128::make(first);
  {
    Pool pool("history", 2);
    History history(pool, folder.path + "/history");
    history.note(id, first, "accepted from=<a@b.test>\nforged line");
    history.note(other, first, "accepted from=<c@d.test>");
    history.note(id, first + std::chrono::hours(30), "delivered");
    history.flushNow();
  }
  const auto events = History::find(folder.path + "/history", id, first + std::chrono::hours(48));
  REQUIRE(events.size() == 2);
  CHECK(events[0].text == "accepted from=<a@b.test> forged line");
  CHECK(events[0].at == first);
  CHECK(events[1].text == "delivered");
}

TEST_CASE("days older than they are kept go") {
  const Folder folder;
  const WallTime first = fromUnixMillis(1'700'000'000'000);
  const Id128 id = Id128::make(first);
  {
    Pool pool("history", 1);
    History history(pool, folder.path + "/history");
    history.note(id, first, "accepted");
    history.flushNow();
    history.note(id, first + std::chrono::hours(72), "delivered");
    history.flushNow();
    history.flush(first + std::chrono::hours(72), std::chrono::hours(24));
  }
  const auto events = History::find(folder.path + "/history", id, first + std::chrono::hours(96));
  REQUIRE(events.size() == 1);
  CHECK(events[0].text == "delivered");
}
