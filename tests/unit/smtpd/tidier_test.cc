#include "smtpd/tidier.h"

#include <catch2/catch.hpp>

#include "tests/unit/smtpd/play.h"

namespace ostler::smtpd {
namespace {

TEST_CASE("tidier: nothing waits before much has come back, and then one look alone") {
  Loop loop;
  Budget budget(64U << 20);
  Tidier tidier(loop, budget);
  Budget::Share share(budget);
  const auto comeBack = [&](std::size_t octets) {
    REQUIRE(share.hold(octets));
    REQUIRE(share.hold(0));
    tidier.look();
  };
  comeBack(Tidier::kWorthIt - 1);
  CHECK_FALSE(tidier.isWaiting());
  comeBack(1);
  CHECK(tidier.isWaiting());
  comeBack(Tidier::kWorthIt);
  CHECK(budget.returned() == 2 * Tidier::kWorthIt);  // the one look takes both
}

TEST_CASE("what came back is looked for before the next command, with no session's end") {
  Play play;
  play.begin();
  play.openMail();
  CHECK_FALSE(play.stage.tidier.isWaiting());
  {
    Budget::Share others(play.stage.budget);
    REQUIRE(others.hold(Tidier::kWorthIt));
  }
  CHECK_FALSE(play.stage.tidier.isWaiting());
  play.expect("RSET", "250");
  CHECK(play.stage.tidier.isWaiting());
}

}  // namespace
}  // namespace ostler::smtpd
