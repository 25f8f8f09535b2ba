#include "queued/tools/supervisor.h"

#include <catch2/catch.hpp>

#include "libmailcore/daemon/drain.h"

using namespace std::chrono_literals;
using ostler::tools::restartDelay;

TEST_CASE("supervisor: what died once, or a few times in a row, is started again after 200 ms") {
  for (unsigned deaths = 0; deaths <= 5; ++deaths) CHECK(restartDelay(deaths) == 200ms);
}

TEST_CASE("supervisor: what goes on dying waits twice as long each time, and never longer than 30 s") {
  for (unsigned deaths = 6; deaths <= 12; ++deaths) CHECK(restartDelay(deaths) == 2 * restartDelay(deaths - 1));
  CHECK(restartDelay(12) == 25'600ms);
  for (const unsigned deaths : {13U, 14U, 15U, 16U, 37U, 38U, 1'000U, ~0U}) CHECK(restartDelay(deaths) == 30s);
}

TEST_CASE("supervisor: a stop waits for each stage longer than its processes may take, and is over before ten seconds are") {
  using namespace ostler::daemon;
  CHECK(kStopOfClients > kDrainOfClients);
  CHECK(kStopOfKeepers > kDrainOfDeliveries + kDrainOfLog);
  CHECK(kStopOfKeepers > kDrainOfSpool);
  CHECK(kStopOfClients + kStopOfKeepers < 10s);
}
