#include "smtpd/pace.h"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using ostler::smtpd::Pace;

TEST_CASE("who sends an octet now and then is waited for no longer than who is silent") {
  Pace pace(300s);
  std::chrono::seconds waited{0};
  while (pace.patience() > 1s) {
    pace.came(1, 1s);
    waited += 1s;
  }
  CHECK(waited >= 299s);
  CHECK(waited <= 301s);
}

TEST_CASE("who sends 500 octets a second may take as long as the message needs, with pauses up to the idle time") {
  Pace pace(300s);
  for (int second = 0; second < 100'000; ++second) pace.came(500, 1s);
  CHECK(pace.patience() == 300s);
  pace.came(1'000'000, 1s);
  pace.came(1, 299s);
  CHECK(pace.patience() == 300s);
}

TEST_CASE("what is saved up by sending fast has an end, and no size is too large for it") {
  Pace pace(10s);
  pace.came(1ULL << 40, 0s);
  pace.came(0, 3600s);
  CHECK(pace.patience() == 10s);
  pace.came(0, 10s);
  CHECK(pace.patience() == 0s);
}
