#include "libmailcore/receiving/rates.h"

#include <catch2/catch.hpp>

#include "libmailcore/receiving/checks.h"

namespace ostler::receiving {
namespace {

using namespace std::chrono_literals;
const SteadyTime kNow = SteadyTime() + 24h;

TEST_CASE("rates: so many a minute, and again when the minute has passed") {
  Rates rates;
  for (int n = 0; n < 5; ++n) CHECK(rates.take("a", 5, kNow));
  CHECK_FALSE(rates.take("a", 5, kNow + 30s));
  CHECK(rates.take("b", 5, kNow));
  CHECK_FALSE(rates.take("a", 5, kNow + 60s));  // the minute slides: those five are still of the last one
  CHECK(rates.take("a", 5, kNow + 90s));
  CHECK(rates.take("a", 5, kNow + 200s));
  for (int n = 0; n < 100; ++n) CHECK(rates.take("a", 0, kNow));
}

TEST_CASE("rates: a flood of keys does not fill the memory") {
  Rates rates(100);
  for (int n = 0; n < 10'000; ++n) CHECK(rates.take(std::to_string(n), 1, kNow));
}

TEST_CASE("rates: one IPv6 customer is one client, and neighbours are one network") {
  const auto address = [](const char* text) { return net::IpAddress::parse(text).value(); };
  CHECK(clientKey("x", address("2001:db8::1")) == clientKey("x", address("2001:db8::2:3")));
  CHECK(clientKey("x", address("192.0.2.1")) != clientKey("x", address("192.0.2.2")));
  CHECK(networkKey("x", address("192.0.2.1")) == networkKey("x", address("192.0.2.200")));
  CHECK(networkKey("x", address("2001:db8:0:1::1")) == networkKey("x", address("2001:db8:0:ffff::1")));
  CHECK(clientKey("x", address("192.0.2.1")) != clientKey("y", address("192.0.2.1")));
}

TEST_CASE("every check of smtpd is in the list once, in the order of the stages") {
  Stage last = Stage::connect;
  for (const Check& check : allChecks()) {
    CHECK(check.stage >= last);
    last = check.stage;
    CHECK(check.writtenIn.starts_with("RFC "));
  }
}

}  // namespace
}  // namespace ostler::receiving
