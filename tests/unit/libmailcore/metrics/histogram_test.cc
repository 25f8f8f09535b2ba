#include "libmailcore/metrics/histogram.h"

#include <catch2/catch.hpp>

using namespace ostler::metrics;
using namespace std::chrono_literals;

TEST_CASE("what took a while is counted in the first class that it fits into, and beyond all in the last") {
  Histogram histogram;
  for (const auto took : {std::chrono::nanoseconds(-5s), std::chrono::nanoseconds(1ms), std::chrono::nanoseconds(1001us), std::chrono::nanoseconds(48h)}) histogram.add(took);
  const Histogram::Reading reading = histogram.read();
  CHECK(reading.counts[0] == 2);
  CHECK(reading.counts[1] == 1);
  CHECK(reading.counts.back() == 1);
  CHECK(reading.micros == 1000 + 1001 + 48ULL * 3600 * 1'000'000);
}
