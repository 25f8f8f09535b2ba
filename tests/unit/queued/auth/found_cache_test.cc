#include "queued/auth/found_cache.h"

#include <catch2/catch.hpp>

using namespace ostler;
using namespace ostler::queued::auth;

TEST_CASE("who was found is known until the directory changes") {
  FoundCache cache;
  cache.keep("alice", 7, {"alice@example.test", directory::User{}, {}});
  REQUIRE(cache.find("alice", 7) != nullptr);
  CHECK(cache.find("alice", 7)->name == "alice@example.test");
  CHECK(cache.find("alice", 8) == nullptr);
  CHECK(cache.find("bob", 7) == nullptr);
}

TEST_CASE("names that strangers make up fill no memory: 50,000 are known at most") {
  FoundCache cache;
  std::size_t most = 0;
  for (std::size_t at = 0; at <= FoundCache::kMost; ++at) {
    cache.keep(std::to_string(at), 7, {});
    most = std::max(most, cache.size());
  }
  CHECK(most == 50'000);
  CHECK(cache.size() == 1);
  CHECK(cache.find("50000", 7) != nullptr);
}
