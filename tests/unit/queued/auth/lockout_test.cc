#include "queued/auth/lockout.h"

#include <catch2/catch.hpp>

#include "queued/auth/verified_cache.h"

using namespace ostler;
using namespace ostler::queued::auth;
using namespace std::chrono_literals;

namespace {
const WallTime kStart = fromUnixMillis(1'790'000'000'000);
const LockoutRules kRules{3, 15min};
}  // namespace

TEST_CASE("a name is locked after as many failures as the rules say, until the time is over") {
  LockoutTable table;
  CHECK(table.fail("a", kRules, kStart) == 1);
  CHECK(table.fail("a", kRules, kStart + 1min) == 2);
  CHECK_FALSE(table.isLocked("a", kRules, kStart + 1min));
  CHECK(table.fail("a", kRules, kStart + 2min) == 3);
  CHECK(table.isLocked("a", kRules, kStart + 2min));
  CHECK(table.isLocked("a", kRules, kStart + 16min));
  CHECK_FALSE(table.isLocked("a", kRules, kStart + 17min));
  CHECK_FALSE(table.isLocked("b", kRules, kStart + 2min));
  CHECK(table.fail("a", kRules, kStart + 20min) == 1);
}

TEST_CASE("a success forgets the failures; zero failures in the rules lock nobody") {
  LockoutTable table;
  for (int i = 0; i < 3; ++i) table.fail("a", kRules, kStart);
  table.clear("a");
  CHECK_FALSE(table.isLocked("a", kRules, kStart));
  for (int i = 0; i < 100; ++i) table.fail("a", {0, 15min}, kStart);
  CHECK_FALSE(table.isLocked("a", {0, 15min}, kStart));
}

TEST_CASE("a stranger who invents names does not fill the table, and what is old goes by itself") {
  LockoutTable table(100);
  for (int i = 0; i < 1000; ++i) table.fail("name" + std::to_string(i), kRules, kStart);
  CHECK(table.size() <= 102);
  table.fail("late", kRules, kStart + 1h);
  CHECK(table.size() == 1);
}

TEST_CASE("clients of one IPv6 network are one client, IPv4 clients are not") {
  CHECK(clientKey(*net::IpAddress::parse("2001:db8::1")) == clientKey(*net::IpAddress::parse("2001:db8::ffff:1")));
  CHECK(clientKey(*net::IpAddress::parse("2001:db8::1")) != clientKey(*net::IpAddress::parse("2001:db8:0:1::1")));
  CHECK(clientKey(*net::IpAddress::parse("192.0.2.1")) != clientKey(*net::IpAddress::parse("192.0.2.2")));
  CHECK(accountKey("Alice@Example.test") == accountKey("alice@example.test"));
}

TEST_CASE("who is locked out can be listed, in words") {
  LockoutTable table;
  for (int i = 0; i < 3; ++i) {
    table.fail(accountKey("Alice@example.test"), kRules, kStart);
    table.fail(clientKey(*net::IpAddress::parse("2001:db8::1")), kRules, kStart);
  }
  table.fail(clientKey(*net::IpAddress::parse("192.0.2.1")), kRules, kStart);
  const auto locked = table.locked(kRules, kStart + 1min);
  REQUIRE(locked.size() == 2);
  CHECK(textOfKey(locked[0].key) == "account alice@example.test");
  CHECK(textOfKey(locked[1].key) == "client 2001:db8::/64");
  CHECK(locked[0].until == kStart + 15min);
  CHECK(textOfKey(clientKey(*net::IpAddress::parse("192.0.2.1"))) == "client 192.0.2.1");
}

TEST_CASE("a failed login is answered later and later, but never later than two seconds") {
  CHECK(delayAfter(0) == 200ms);
  CHECK(delayAfter(1) == 200ms);
  CHECK(delayAfter(2) == 400ms);
  CHECK(delayAfter(5) == 2000ms);
  CHECK(delayAfter(4'000'000'000) == 2000ms);
}

TEST_CASE("a verified password is remembered for its time, with its verifier alone") {
  VerifiedCache cache;
  const Id128 alice = Id128::make(kStart);
  cache.remember(alice, "hash 1", "secret", kStart);
  CHECK(cache.holds(alice, "hash 1", "secret", 10min, kStart + 9min));
  CHECK_FALSE(cache.holds(alice, "hash 1", "secret", 10min, kStart + 10min));
  CHECK_FALSE(cache.holds(alice, "hash 1", "Secret", 10min, kStart));
  CHECK_FALSE(cache.holds(alice, "hash 2", "secret", 10min, kStart));
  CHECK_FALSE(cache.holds(alice, "hash", " 1secret", 10min, kStart));
  CHECK_FALSE(cache.holds(Id128::make(kStart), "hash 1", "secret", 10min, kStart));
}

TEST_CASE("the cache of verified passwords is bounded") {
  VerifiedCache cache(2);
  std::vector<Id128> ids;
  for (int i = 0; i < 3; ++i) {
    ids.push_back(Id128::make(kStart));
    cache.remember(ids.back(), "h", "p", kStart);
    cache.remember(ids.back(), "h", "p", kStart);
  }
  CHECK(cache.size() == 2);
  CHECK_FALSE(cache.holds(ids[0], "h", "p", 10min, kStart));
  CHECK(cache.holds(ids[2], "h", "p", 10min, kStart));
}
