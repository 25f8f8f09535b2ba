#include "libmailcore/daemon/connection_counts.h"

#include <catch2/catch.hpp>

namespace ostler::daemon {
namespace {

net::IpAddress address(const char* text) {
  return net::IpAddress::parse(text).value();
}

TEST_CASE("connection counts: a place is free again when its connection goes") {
  ConnectionCounts counts;
  auto one = counts.take("mx", address("192.0.2.1"), {1, 0});
  REQUIRE(one);
  CHECK_FALSE(counts.take("mx", address("192.0.2.2"), {1, 0}));
  CHECK(counts.take("submission", address("192.0.2.2"), {1, 0}));
  one.reset();
  CHECK(counts.inGroup("mx") == 0);
  CHECK(counts.take("mx", address("192.0.2.2"), {1, 0}));
}

TEST_CASE("connection counts: a client is limited by itself, an IPv6 site by its /64") {
  ConnectionCounts counts;
  const auto one = counts.take("mx", address("2001:db8::1"), {0, 1});
  CHECK_FALSE(counts.take("mx", address("2001:db8::2"), {0, 1}));
  CHECK(counts.take("mx", address("2001:db8:0:1::1"), {0, 1}));
  CHECK(counts.take("mx", address("192.0.2.1"), {0, 1}));
  CHECK(counts.take("mx", address("2001:db8::2"), {0, 0}));
}

TEST_CASE("connection counts: a network is limited by itself, and free again when its connections go") {
  ConnectionCounts counts;
  auto one = counts.take("mx", address("192.0.2.1"), {0, 0, 1});
  CHECK_FALSE(counts.take("mx", address("192.0.2.200"), {0, 0, 1}));
  CHECK(counts.take("mx", address("192.0.3.1"), {0, 0, 1}));
  one.reset();
  CHECK(counts.take("mx", address("192.0.2.200"), {0, 0, 1}));
}

}  // namespace
}  // namespace ostler::daemon
