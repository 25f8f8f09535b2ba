#include "queued/auth/token_cache.h"

#include <catch2/catch.hpp>

namespace ostler::queued::auth {
namespace {

const WallTime kNow = fromUnixMillis(1'790'000'000'000);
const WallTime kLater = kNow + std::chrono::minutes(1);

TEST_CASE("what a server said about a token is known for its time, and of that token alone") {
  TokenCache cache;
  cache.keep("one", "yes", kLater);
  REQUIRE(cache.find("one", kNow) != nullptr);
  CHECK(*cache.find("one", kNow) == "yes");
  CHECK(cache.find("two", kNow) == nullptr);
  CHECK(cache.find("one", kLater) == nullptr);
}

TEST_CASE("a server's long answers and a stranger's many tokens fill no memory") {
  TokenCache cache;
  cache.keep("long", std::string(4097, 'x'), kLater);
  CHECK(cache.find("long", kNow) == nullptr);
  cache.keep("long", std::string(4096, 'x'), kLater);
  CHECK(cache.find("long", kNow) != nullptr);
  for (int at = 0; at < 4096; ++at) cache.keep(std::to_string(at), "no", kLater);
  CHECK(cache.find("long", kNow) == nullptr);
  CHECK(cache.find("4095", kNow) != nullptr);
}

}  // namespace
}  // namespace ostler::queued::auth
