#include "libmailcore/store/uid_set.h"

#include <catch2/catch.hpp>
#include <random>
#include <set>

namespace ostler::store {
namespace {

UidSet setOf(const std::set<std::uint32_t>& values) {
  UidSet set;
  for (const std::uint32_t value : values) set.add(Uid{value});
  return set;
}

TEST_CASE("a UID set joins what touches and sorts what comes in any order") {
  CHECK(UidSet::fromRanges({{Uid{7}, Uid{9}}, {Uid{1}, Uid{2}}, {Uid{3}, Uid{5}}}).text() == "1:5,7:9");
  UidSet set = UidSet::of({Uid{10}, Uid{20}});
  set.add(Uid{8});
  set.add(Uid{9});
  CHECK(set.text() == "8:20");
  set.add(UidRange{Uid{1}, Uid{30}});
  CHECK(set.text() == "1:30");
}

TEST_CASE("a UID set that holds the greatest UID does not overflow") {
  UidSet set = UidSet::all();
  set.add(Uid{UINT32_MAX});
  set.add(Uid{5});
  CHECK(set.text() == "1:4294967295");
  CHECK(set.count() == UINT32_MAX);
  CHECK(set.without(UidSet::of({Uid{UINT32_MAX}, Uid{UINT32_MAX}})).text() == "1:4294967294");
}

TEST_CASE("UID sets behave as sets of numbers do") {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::set<std::uint32_t> a;
    std::set<std::uint32_t> b;
    UidSet left;
    for (unsigned i = 0; i < random() % 20; ++i) {
      const std::uint32_t first = static_cast<std::uint32_t>(random() % 30 + 1);
      const std::uint32_t last = first + static_cast<std::uint32_t>(random() % 4);
      left.add(UidRange{Uid{first}, Uid{last}});
      for (std::uint32_t v = first; v <= last; ++v) a.insert(v);
    }
    for (unsigned i = 0; i < random() % 20; ++i) b.insert(static_cast<std::uint32_t>(random() % 34 + 1));
    const UidSet right = setOf(b);
    REQUIRE(left == setOf(a));
    REQUIRE(left.count() == a.size());
    std::set<std::uint32_t> both;
    std::set<std::uint32_t> rest;
    for (const std::uint32_t v : a) (b.contains(v) ? both : rest).insert(v);
    REQUIRE(left.intersect(right) == setOf(both));
    REQUIRE(left.without(right) == setOf(rest));
    for (std::uint32_t v = 1; v < 40; ++v) REQUIRE(left.contains(Uid{v}) == a.contains(v));
  }
}

}  // namespace
}  // namespace ostler::store
