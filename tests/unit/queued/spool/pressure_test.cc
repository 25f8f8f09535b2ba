// What hosts say of themselves in temporary refusals: fewer at once, a rest, and nothing of all that.
#include <catch2/catch.hpp>

#include "tests/unit/queued/spool/spool_fixture.h"

namespace ostler::spool {

namespace {

std::string idTo(SpoolFixture& spool, const std::string& recipient) {
  const std::string list = spool.ask({"queue", "list", "--json", "--recipient", recipient}).output;
  const std::size_t at = list.find("\"id\":\"");
  return at == std::string::npos ? std::string() : list.substr(at + 6, 26);
}

/// Sent, refused with these words, and seen as deferred.
void refuse(SpoolFixture& spool, const std::string& to, const ipc::SmtpReply& reply) {
  spool.outState = ipc::RecipientOutcome::State::deferred;
  spool.outReply = reply;
  const std::size_t before = spool.sent.size();
  REQUIRE(spool.submit({to}));
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == before + 1 && spool.shows({"queue", "list"}, "attempts=1"); }));
}

}  // namespace

TEST_CASE("a host with too many connections rests for a minute, which is seen with its reason and its end; then its mail goes out") {
  SpoolFixture spool;
  spool.start();
  refuse(spool, "x@far.test", {421, "4.7.0", "Error: too many connections from 192.0.2.1"});
  CHECK(spool.shows({"queue", "destinations", "--json"}, R"("destination":"mx:far.test","state":"retry")"));
  CHECK(spool.shows({"queue", "destinations", "--json"}, "too many connections from"));
  CHECK(spool.shows({"why", idTo(spool, "x@far.test")}, "host mx:far.test rests 60 s rule=421: too many connections, or too fast"));
  spool.outState = ipc::RecipientOutcome::State::delivered;
  REQUIRE(spool.submit({"y@far.test"}));
  const std::string second = idTo(spool, "y@far.test");
  REQUIRE(spool.waitFor([&] { return spool.shows({"why", second}, "which wants less of us and rests: 421 4.7.0 Error"); }));
  CHECK(spool.sent.size() == 1);
  CHECK(spool.shows({"queue", "list", "--json", "--recipient", "y@far.test"}, "\"attempts\":0"));
  spool.skip(std::chrono::seconds(61));
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 2; }));
  REQUIRE(spool.waitFor([&] { return spool.shows({"why", second}, "It has left the queue"); }));
}

TEST_CASE("a host that serves some of many at once and not the others gets no more than that for a while") {
  SpoolFixture spool;
  spool.start();
  spool.says = [](const ipc::Recipient& to, ipc::RecipientOutcome& outcome) {
    if (!to.forwardPath.starts_with("no")) return;
    outcome.state = ipc::RecipientOutcome::State::deferred;
    outcome.reply = {421, "4.7.0", "too many connections"};
  };
  spool.waits = true;
  for (const char* to : {"no1@far.test", "no2@far.test", "yes1@far.test", "yes2@far.test", "yes3@far.test"}) {
    REQUIRE(spool.submit({to}));
  }
  REQUIRE(spool.waitFor([&] { return spool.waiting == 5; }));
  // The others are served while those are turned away, no2 last.
  spool.waitsStill = [&](const ipc::Deliver& one) {
    const std::string& to = one.envelope.recipients.front().forwardPath;
    return spool.sent.size() < (to.starts_with("yes") ? 2U : to.starts_with("no2") ? 1U : 0U);
  };
  spool.waits = false;
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 5 && spool.shows({"queue", "destinations", "--json"}, R"("state":"active","waiting":0,"running":0,"window":3,)"); }));
  CHECK_FALSE(spool.shows({"queue", "destinations", "--json"}, "\"lessUntil\":0,"));
  CHECK(spool.shows({"why", idTo(spool, "no2@far.test")}, "host mx:far.test gets 3 at once for 900 s"));
}

TEST_CASE("a greylisted message, a full mailbox and a sender's own limit let the host's other mail go on") {
  for (const ipc::SmtpReply& reply : {ipc::SmtpReply{450, "4.2.0", "Greylisted, too many messages, try again later from 192.0.2.1"},
                                      ipc::SmtpReply{451, "4.7.1", "Greylisting in action, please come back later"},
                                      ipc::SmtpReply{452, "4.2.2", "over quota"}, ipc::SmtpReply{450, "4.7.1", "<a@b>: Sender address rejected: rate limit"}}) {
    CAPTURE(reply.text);
    SpoolFixture spool;
    spool.start();
    refuse(spool, "x@far.test", reply);
    CHECK_FALSE(spool.shows({"queue", "destinations", "--json"}, "\"state\":\"retry\""));
    spool.outState = ipc::RecipientOutcome::State::delivered;
    REQUIRE(spool.submit({"y@far.test"}));
    REQUIRE(spool.waitFor([&] { return spool.sent.size() == 2; }));
  }
}

TEST_CASE("what a host says rests no other host, and not itself while it takes mail for somebody") {
  SpoolFixture spool;
  spool.start();
  refuse(spool, "x@evil.test", {421, "4.7.28", "mx:far.test mx.far.test far.test: too many connections, rate limit, service not available"});
  CHECK(spool.shows({"queue", "destinations", "--json"}, R"("destination":"mx:evil.test","state":"retry")"));
  spool.outState = ipc::RecipientOutcome::State::delivered;
  REQUIRE(spool.submit({"y@far.test"}));
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 2; }));
  spool.says = [](const ipc::Recipient& to, ipc::RecipientOutcome& outcome) {
    if (!to.forwardPath.starts_with("no")) return;
    outcome.state = ipc::RecipientOutcome::State::deferred;
    outcome.reply = {450, "4.7.28", "rate limit"};
  };
  REQUIRE(spool.submit({"no@far.test", "yes@far.test"}));
  REQUIRE(spool.waitFor([&] { return spool.shows({"queue", "list", "--recipient", "no@far.test"}, "attempts=1"); }));
  REQUIRE(spool.submit({"z@far.test"}));
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 4; }));
}

TEST_CASE("what waits for a host that wants less comes back to its sender when its time is over") {
  SpoolFixture spool;
  spool.start();
  refuse(spool, "x@far.test", {421, "4.3.2", "Connection rate limit exceeded."});
  REQUIRE(spool.submit({"y@far.test"}));
  const std::string second = idTo(spool, "y@far.test");
  CHECK(spool.ask({"queue", "edit", second, "--expiry", "5s"}).exitCode == 0);
  spool.skip(std::chrono::seconds(6));
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("alice").size() == 1; }));
  CHECK(spool.sent.size() == 1);
}

TEST_CASE("what was not tried because its host rests has used up no attempt, it waits and is tried, with attempts 0 too") {
  SpoolFixture spool;
  spool.change([](config::Config& config) { config.virtualServers.front().retry.attempts = 0; });
  spool.outState = ipc::RecipientOutcome::State::deferred;
  spool.outReply = {451, "4.4.1", "connection refused"};
  spool.outHost.clear();
  spool.start();
  REQUIRE(spool.submit({"x@far.test"}));
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("alice").size() == 1; }));  // tried once, and back
  spool.outState = ipc::RecipientOutcome::State::delivered;
  REQUIRE(spool.submit({"y@far.test"}));
  REQUIRE(spool.waitFor([&] { return spool.shows({"queue", "list", "--json", "--recipient", "y@far.test"}, "Not tried"); }, std::chrono::seconds(5)));
  const std::string id = idTo(spool, "y@far.test");
  CHECK(spool.shows({"queue", "list", "--json", "--recipient", "y@far.test"}, "\"attempts\":0"));
  CHECK_FALSE(spool.shows({"why", id}, "as its sender asked"));
  spool.skip(std::chrono::minutes(16));
  REQUIRE(spool.waitFor([&] { return spool.shows({"why", id}, "It has left the queue"); }, std::chrono::seconds(15)));
  CHECK(spool.shows({"why", id}, " delivered to=<y@far.test>"));
  CHECK(spool.sent.size() == 2);
  CHECK(spool.mailboxOf("alice").size() == 1);
}

TEST_CASE("what is never tried comes back when its time is over all the same") {
  SpoolFixture spool;
  spool.change([](config::Config& config) {
    config.virtualServers.front().retry.attempts = 1;
    config.virtualServers.front().retry.expiry = std::chrono::hours(1);
  });
  spool.outState = ipc::RecipientOutcome::State::deferred;
  spool.outReply = {451, "4.4.1", "connection refused"};
  spool.outHost.clear();
  spool.start();
  REQUIRE(spool.submit({"x@far.test"}));
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("alice").size() == 1; }));
  REQUIRE(spool.submit({"y@far.test"}));
  REQUIRE(spool.waitFor([&] { return spool.shows({"queue", "list"}, "Not tried"); }, std::chrono::seconds(5)));
  spool.skip(std::chrono::hours(1));
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("alice").size() == 2; }, std::chrono::seconds(15)));
  CHECK(spool.waitFor([&] { return spool.isEmpty(); }));
}

}  // namespace ostler::spool
