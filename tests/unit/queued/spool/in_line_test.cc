// Mail that stands in line for its next hop: that its time goes on, by the schedule of its virtual server.
#include <catch2/catch.hpp>

#include "tests/unit/queued/spool/spool_fixture.h"

using namespace ostler;
using namespace ostler::spool;
using namespace std::chrono_literals;

TEST_CASE("what waits behind a frozen host is told of as late, once, and comes back when the time of its virtual server is over") {
  SpoolFixture spool;
  spool.change([](config::Config& config) {
    if (config.virtualServers.empty()) config.virtualServers.emplace_back().name = "default";
    config::VirtualServer hasty = config.virtualServers.front();
    hasty.name = "hasty";
    hasty.retry.delayNotice = 4h;
    hasty.retry.expiry = 24h;
    config.virtualServers.push_back(hasty);
  });
  spool.start();
  ipc::SessionInfo hasty = spool.loggedIn();
  hasty.virtualServer = "hasty";
  spool.ask({"queue", "freeze", "--destination", "far.test"});
  REQUIRE(spool.send("alice@example.test", {"x@far.test"}, kText, hasty));
  REQUIRE(spool.submit({"patient@far.test"}));
  const auto letters = [&] { return spool.mailboxOf("alice"); };
  const auto look = [&](std::chrono::seconds later) {  // what comes now has the lines looked at
    spool.skip(later);
    const std::size_t before = spool.mailboxOf("bob").size();
    REQUIRE(spool.submit({"bob@example.test"}));
    REQUIRE(spool.waitFor([&] { return spool.mailboxOf("bob").size() == before + 1; }));
  };
  look(3h);
  CHECK(letters().empty());
  look(2h);
  REQUIRE(spool.waitFor([&] { return letters().size() == 1; }, 15s));
  CHECK(letters().front().find("Action: delayed") != std::string::npos);
  CHECK(letters().front().find("x@far.test") != std::string::npos);
  REQUIRE(spool.waitFor([&] { return spool.shows({"queue", "destinations", "--json"}, "\"mx:far.test\",\"state\":\"frozen\",\"waiting\":2"); }));
  look(20h);
  REQUIRE(spool.waitFor([&] { return letters().size() == 3; }, 15s));  // and that the patient one's is late
  const std::vector<std::string> all = letters();
  const auto has = [&all](std::string_view a, std::string_view b) {
    return std::count_if(all.begin(), all.end(), [&](const std::string& one) { return one.find(a) != std::string::npos && one.find(b) != std::string::npos; });
  };
  CHECK(has("Action: failed", "Final-Recipient: rfc822; x@far.test") == 1);
  CHECK(has("Action: delayed", "Final-Recipient: rfc822; patient@far.test") == 1);
  CHECK(spool.sent.empty());
}
