// What can be neither delivered nor returned: badmail, how it is listed and retried, and when it takes nothing.
#include <catch2/catch.hpp>
#include <filesystem>

#include "libmailcore/ipc/envelope.h"
#include "tests/unit/queued/spool/spool_fixture.h"

using namespace ostler;
using namespace ostler::spool;

TEST_CASE("badmail is listed with its reason and goes out again by retry") {
  SpoolFixture spool;
  spool.start();
  spool.drop("broken.eml", "no header at all");
  REQUIRE(spool.waitFor([&] { return spool.shows({"badmail", "list"}, "broken.eml"); }));
  const std::string list = spool.ask({"badmail", "list", "--json"}).output;
  const std::size_t at = list.find("\"name\":\"") + 8;
  const std::string name = list.substr(at, list.find('"', at) - at);
  CHECK(spool.shows({"badmail", "show", name}, "no header at all"));
  CHECK(spool.ask({"badmail", "show", "../" + name}).exitCode != 0);
  CHECK(spool.ask({"badmail", "purge", name}).exitCode == 0);
  CHECK(spool.shows({"badmail", "list"}, "There is no badmail"));
}

TEST_CASE("of many failures of strangers' mail a domain hears so often in an hour, the rest is kept as badmail") {
  SpoolFixture spool;
  spool.change([](config::Config& config) {
    config.reports.perDomainHour = 2;
    config.reports.copyTo = "carol@example.test";
  });
  spool.outState = ipc::RecipientOutcome::State::failed;
  spool.outReply = {550, "5.1.1", "No"};
  spool.start();
  const auto send = [&] { return spool.send("s@elsewhere.test", {"team@example.test"}, kText); };
  const auto reports = [&] {
    return std::count_if(spool.sent.begin(), spool.sent.end(), [](const SpoolFixture::Sent& one) { return one.request.envelope.reversePath.empty(); });
  };
  const auto keptBecauseOfMany = [&] {
    const std::string list = spool.ask({"badmail", "list"}).output;
    int count = 0;
    for (std::size_t at = list.find("as many as it gets"); at != std::string::npos; at = list.find("as many as it gets", at + 1)) ++count;
    return count;
  };
  for (int n = 0; n < 4; ++n) REQUIRE(send());
  REQUIRE(spool.waitFor([&] { return keptBecauseOfMany() == 2; }));
  REQUIRE(spool.waitFor([&] { return reports() == 2; }));
  // The copies of reports are reports themselves: what fails of them is badmail, and no report comes of it.
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("carol").size() == 2; }));
  spool.skip(std::chrono::hours(1));
  REQUIRE(send());
  REQUIRE(spool.waitFor([&] { return reports() == 3; }));
}

TEST_CASE("what a server said stands in the report as its words, our own verdict as ours") {
  for (const bool ours : {false, true}) {
    INFO(ours);
    SpoolFixture spool;
    spool.outState = ipc::RecipientOutcome::State::failed;
    spool.outReply = {554, "5.6.3", "no 8-bit content"};
    spool.outSaysItself = ours;
    spool.start();
    REQUIRE(spool.submit({"bob@remote.test"}));
    REQUIRE(spool.waitFor([&] { return spool.mailboxOf("alice").size() == 1; }));
    const std::string report = spool.mailboxOf("alice").front();
    CHECK((report.find("Remote-MTA: dns; mx.remote.test") == std::string::npos) == ours);
    CHECK((report.find("Diagnostic-Code: smtp; 554 5.6.3") == std::string::npos) == ours);
    CHECK((report.find("mx.remote.test said:") == std::string::npos) == ours);
    CHECK(report.find("Status: 5.6.3") != std::string::npos);
  }
}

TEST_CASE("when the time is over the report has what the server said last, as it said it") {
  SpoolFixture spool;
  spool.outState = ipc::RecipientOutcome::State::deferred;
  spool.outReply = {451, "4.2.0", "busy"};
  spool.change([](config::Config& config) { config.virtualServers.front().retry.attempts = 1; });
  spool.start();
  REQUIRE(spool.submit({"bob@remote.test"}));
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("alice").size() == 1; }));
  const std::string report = spool.mailboxOf("alice").front();
  CHECK(report.find("Diagnostic-Code: smtp; 451 4.2.0 busy\r\n") != std::string::npos);
  CHECK(report.find("Remote-MTA: dns; mx.remote.test\r\n") != std::string::npos);
  CHECK(report.find("Status: 5.4.7") != std::string::npos);
}

TEST_CASE("a report whose recipient is no address becomes badmail and is not tried for ever") {
  SpoolFixture spool;
  spool.outState = ipc::RecipientOutcome::State::failed;
  spool.outReply = {550, "5.1.1", "No"};
  spool.start();
  REQUIRE(spool.send("bad addr", {"team@example.test"}, kText));
  REQUIRE(spool.waitFor([&] { return spool.shows({"badmail", "list"}, "5.1.3"); }));
  CHECK(spool.waitFor([&] { return spool.isEmpty(); }));
}

TEST_CASE("the copy of a report that cannot be delivered is kept as badmail and never bounced") {
  SpoolFixture spool;
  spool.change([](config::Config& config) { config.reports.copyTo = "postmaster@away.test"; });
  spool.outState = ipc::RecipientOutcome::State::failed;
  spool.outReply = {550, "5.1.1", "No"};
  spool.start();
  REQUIRE(spool.submit({"x@far.test"}));
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("alice").size() == 1; }));
  REQUIRE(spool.waitFor([&] { return spool.isEmpty(); }));
  REQUIRE(spool.sent.size() == 2);
  CHECK(spool.sent.back().request.envelope.reversePath.empty());
  CHECK(spool.sent.back().request.envelope.recipients.at(0).forwardPath == "postmaster@away.test");
  REQUIRE(spool.waitFor([&] { return spool.shows({"badmail", "list"}, "postmaster@away.test") ||
                                     spool.shows({"badmail", "list"}, "5.1.1"); }));
  CHECK(spool.mailboxOf("alice").size() == 1);
}

TEST_CASE("what badmail cannot take waits in the queue, past its expiry, says why, and is there once it can") {
  struct Row {
    const char* what;
    std::function<void(const std::string& folder)> breaks;
    std::function<void(const std::string& folder)> mends;
  };
  namespace fs = std::filesystem;
  for (const Row& row : {Row{"a file in its place", [](const std::string& folder) { fs::remove_all(folder); std::ofstream(folder) << "x"; },
                             [](const std::string& folder) { fs::remove(folder); }},
                         Row{"a link to nowhere", [](const std::string& folder) { fs::remove_all(folder); fs::create_symlink("/nonexistent/here", folder); },
                             [](const std::string& folder) { fs::remove(folder); fs::create_directory(folder); }}}) {
    INFO(row.what);
    SpoolFixture spool;
    spool.outState = ipc::RecipientOutcome::State::failed;
    spool.outReply = {550, "5.1.1", "Nobody of that name"};
    spool.start();
    const std::string folder = spool.config->badmailDir();
    row.breaks(folder);
    REQUIRE(spool.send("", {"x@far.test"}, kText, spool.loggedIn()));
    REQUIRE(spool.waitFor([&] { return spool.shows({"queue", "list"}, "badmail/ cannot be written"); }));
    CHECK(spool.shows({"queue", "list"}, "Nobody of that name"));
    CHECK(spool.sent.size() == 1);
    spool.skip(std::chrono::hours(24 * 6));  // its time is over
    REQUIRE(spool.waitFor([&] { return spool.sent.size() == 2 && spool.shows({"queue", "list"}, "attempts=2"); }));
    spool.restart();
    CHECK(spool.shows({"queue", "list"}, "1 message,"));
    row.mends(folder);
    spool.skip(std::chrono::hours(2));
    REQUIRE(spool.waitFor([&] { return spool.isEmpty(); }));
    CHECK(spool.shows({"badmail", "list"}, "Nobody of that name"));
    CHECK(spool.sent.size() == 3);
  }
}

TEST_CASE("a badmail folder that somebody took away is made again, and nothing waits for it") {
  SpoolFixture spool;
  spool.outState = ipc::RecipientOutcome::State::failed;
  spool.outReply = {550, "5.1.1", "Nobody of that name"};
  spool.start();
  std::filesystem::remove_all(spool.config->badmailDir());
  REQUIRE(spool.send("", {"x@far.test"}, kText, spool.loggedIn()));
  REQUIRE(spool.waitFor([&] { return spool.isEmpty(); }));
  CHECK(spool.shows({"badmail", "list"}, "Nobody of that name"));
}

TEST_CASE("of a report to several who fail one after the other badmail keeps each") {
  SpoolFixture spool;
  spool.outState = ipc::RecipientOutcome::State::failed;
  spool.outReply = {550, "5.1.1", "Nobody of that name"};
  spool.start();
  spool.ask({"queue", "freeze", "--destination", "late.test"});
  REQUIRE(spool.send("", {"x@far.test", "y@late.test"}, kText, spool.loggedIn()));
  REQUIRE(spool.waitFor([&] { return spool.shows({"badmail", "list"}, ".eml"); }));
  spool.ask({"queue", "thaw", "--destination", "late.test"});
  REQUIRE(spool.waitFor([&] { return spool.isEmpty(); }));
  std::string kept;
  for (const auto& file : std::filesystem::directory_iterator(spool.config->badmailDir())) {
    if (file.path().extension() != ".eml") continue;
    std::ifstream in(file.path());
    kept += std::string(std::istreambuf_iterator<char>(in), {});
  }
  CHECK(kept.find("X-Receiver: <x@far.test>") != std::string::npos);
  CHECK(kept.find("X-Receiver: <y@late.test>") != std::string::npos);
}

TEST_CASE("badmail that is retried goes out with its envelope") {
  SpoolFixture spool;
  spool.change([](config::Config& config) { config.reports.copyTo = "postmaster@away.test"; });
  spool.outState = ipc::RecipientOutcome::State::failed;
  spool.outReply = {550, "5.1.1", "No"};
  spool.start();
  REQUIRE(spool.submit({"x@far.test"}));
  REQUIRE(spool.waitFor([&] { return spool.shows({"badmail", "list"}, ".eml"); }));
  const std::string list = spool.ask({"badmail", "list", "--json"}).output;
  const std::size_t at = list.find("\"name\":\"") + 8;
  const std::string name = list.substr(at, list.find('"', at) - at);
  spool.outState = ipc::RecipientOutcome::State::delivered;
  CHECK(spool.ask({"badmail", "retry", "nothing.eml"}).exitCode != 0);
  const std::size_t before = spool.sent.size();
  CHECK(spool.ask({"badmail", "retry", name}).exitCode == 0);
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == before + 1; }));
  CHECK(spool.sent.back().request.envelope.reversePath.empty());
  CHECK(spool.sent.back().request.envelope.recipients.at(0).forwardPath == "postmaster@away.test");
  CHECK(spool.shows({"badmail", "list"}, "There is no badmail"));
}
