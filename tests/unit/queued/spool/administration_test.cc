// What administrators change of messages while the spool runs, and that it lasts.
#include <catch2/catch.hpp>
#include <filesystem>
#include <set>

#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/program.h"
#include "libmailcore/ipc/sending.h"
#include "tests/unit/queued/spool/spool_fixture.h"

using namespace ostler;
using namespace ostler::spool;

namespace {

/// How often its history says that it was put off.
std::size_t deferrals(SpoolFixture& spool, const std::string& id) {
  const std::string life = spool.ask({"why", id}).output;
  std::size_t times = 0;
  for (std::size_t at = life.find(" deferred "); at != std::string::npos; at = life.find(" deferred ", at + 1)) ++times;
  return times;
}

}  // namespace

TEST_CASE("a moved message goes to the host it was moved to, after a restart too") {
  SpoolFixture spool;
  spool.outState = ipc::RecipientOutcome::State::deferred;
  spool.outReply = {451, "4.4.1", "connection refused"};
  spool.outHost.clear();
  spool.start();
  REQUIRE(spool.submit({"x@far.test"}));
  REQUIRE(spool.waitFor([&] { return spool.shows({"queue", "list"}, "connection refused"); }));
  const std::string id = spool.onlyId();
  CHECK(spool.ask({"queue", "move", id, "--to", "not a host"}).exitCode != 0);
  CHECK(spool.ask({"queue", "move", id, "--to", "192.0.2.99:2525"}).exitCode == 0);
  CHECK(spool.shows({"why", id}, "queue move"));  // and so it is written
  spool.restart();
  spool.outState = ipc::RecipientOutcome::State::delivered;
  spool.ask({"queue", "retry", "--all"});
  REQUIRE(spool.waitFor([&] { return spool.sent.back().request.nextHop.key() == "host:[192.0.2.99]:2525"; }));
  REQUIRE(spool.waitFor([&] { return spool.isEmpty(); }));
  const std::string life = spool.ask({"why", id}).output;
  for (const char* part : {"accepted", "deferred", "queue move", "delivered", "It has left the queue"}) {
    INFO(part);
    CHECK(life.find(part) != std::string::npos);
  }
}

TEST_CASE("a message whose expiry was set is given up then, and its sender told") {
  SpoolFixture spool;
  spool.outState = ipc::RecipientOutcome::State::deferred;
  spool.outHost.clear();
  spool.start();
  REQUIRE(spool.submit({"x@far.test"}));
  REQUIRE(spool.waitFor([&] { return !spool.sent.empty(); }));
  const std::string id = spool.onlyId();
  CHECK(spool.ask({"queue", "edit", id, "--expiry", "nonsense"}).exitCode != 0);
  CHECK(spool.ask({"queue", "edit", id, "--expiry", "1s"}).exitCode == 0);
  REQUIRE(spool.waitFor([&] {
    spool.ask({"queue", "retry", "--all"});
    return spool.mailboxOf("alice").size() == 1;
  }));
}

TEST_CASE("why tells what an administrator did, not what was refused") {
  SpoolFixture spool;
  spool.outState = ipc::RecipientOutcome::State::deferred;
  spool.start();
  REQUIRE(spool.submit({"x@far.test"}));
  REQUIRE(spool.waitFor([&] { return !spool.sent.empty(); }));
  const std::string id = spool.onlyId();
  REQUIRE(spool.ask({"queue", "edit", id, "--expiry", "-3s"}).exitCode != 0);
  REQUIRE(spool.ask({"queue", "edit", id, "--expiry", "3h"}).exitCode == 0);
  const std::string why = spool.ask({"why", id}).output;
  INFO(why);
  CHECK(why.find("--expiry 3h") != std::string::npos);
  CHECK(why.find("--expiry -3s") == std::string::npos);
}

TEST_CASE("a sender hears once that its message was given up, however often that was looked at while the host rests") {
  SpoolFixture spool;
  spool.outState = ipc::RecipientOutcome::State::deferred;
  spool.outHost.clear();
  spool.start();
  REQUIRE(spool.submit({"x@far.test"}));
  REQUIRE(spool.waitFor([&] { return !spool.sent.empty(); }));
  const std::string id = spool.onlyId();
  CHECK(spool.ask({"queue", "edit", id, "--expiry", "5s"}).exitCode == 0);
  REQUIRE(spool.waitFor([&] {
    spool.ask({"queue", "retry", "--all"});  // each leaves a time at which to look: that of its expiry
    return spool.sent.size() > 5;
  }));
  REQUIRE(spool.waitFor([&] { return deferrals(spool, id) == spool.sent.size(); }));
  spool.skip(std::chrono::seconds(6));
  // Where the directory's answer is in hand, each of these times is looked at in the same turn.
  REQUIRE(spool.submit({"x@far.test"}));
  REQUIRE(spool.waitFor([&] { return spool.shows({"queue", "list"}, "Not tried"); }));
  spool.ask({"queue", "release", id});
  REQUIRE(spool.waitFor([&] { return spool.shows({"why", id}, "It has left the queue"); }));
  REQUIRE(spool.send("b@other.test", {"alice@example.test"}, kText));
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("alice").size() > 1; }));  // which is delivered after every report
  CHECK(spool.mailboxOf("alice").size() == 2);
}

TEST_CASE("delete --notify tells the sender, delete does not") {
  SpoolFixture spool;
  spool.start();
  spool.ask({"queue", "disable"});
  REQUIRE(spool.submit({"x@far.test"}));
  REQUIRE(spool.waitFor([&] { return spool.shows({"queue", "list"}, "x@far.test"); }));
  CHECK(spool.ask({"queue", "delete", spool.onlyId(), "--notify"}).exitCode == 0);
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("alice").size() == 1; }));
  REQUIRE(spool.submit({"x@far.test"}));
  spool.ask({"queue", "delete", "--all"});
  CHECK(spool.isEmpty());
  CHECK(spool.mailboxOf("alice").size() == 1);
}

TEST_CASE("a command with an option that it does not know, or that lacks its value, changes nothing") {
  SpoolFixture spool;
  spool.start();
  spool.ask({"queue", "disable"});
  REQUIRE(spool.submit({"x@far.test"}));
  const std::vector<std::vector<std::string>> all = {
      {"queue", "delete", "ALL", "--destination=other.test"},  // understood: nothing is for it
      {"queue", "delete", "ALL", "--destnation", "other.test"},
      {"queue", "delete", "ALL", "--destination"},
      {"queue", "delete", "--all", "--sender", ""},
      {"queue", "delete", "--all", "--user", "bob@example.test"},
      {"queue", "delete", "--all=yes"},
      {"queue", "delete", "--notify"},
      {"queue", "delete", ""},
      {"queue", "delete", "--", "ALL"},
      {"queue", "expire", "ALL", "--notify"},
      {"queue", "expire", "00000000000000000000000000"},
      {"queue", "expire", std::string(100'000, 'x')},
      {"queue", "move", "ALL", "--to", "far.test:0"},
      {"queue", "move", "ALL", "--to", "far.test;reboot"},
      {"queue", "move", "ALL"},
      {"queue", "edit", "ALL", "--expiry", "-1d"},
      {"queue", "edit", "ALL", "--expiry", "0"},
      {"queue", "edit", "ALL", "--expiry", "99999999999999999999d"},
      {"queue", "edit", "ALL", "--expiry", "200000d"},
      {"queue", "wait", "--id", "nobody", "--timeout", "1"},
      {"queue", "wait", "--empty", "--timeout", "-5"},
      {"queue", "nothing"},
      {"queue"},
      {},
  };
  const std::string before = spool.ask({"queue", "list", "--json"}).output;
  for (const std::vector<std::string>& words : all) {
    INFO((words.empty() ? std::string("no word at all") : words.back().substr(0, 60)));
    const bool isUnderstood = words == all.front();
    CHECK((spool.ask(words).exitCode == 0) == isUnderstood);
    CHECK(spool.ask({"queue", "list", "--json"}).output == before);
  }
  CHECK(spool.ask({"queue", "edit", "ALL", "--expiry=36500d"}).exitCode == 0);
  CHECK(spool.shows({"queue", "list", "--json"}, "\"expires\":"));
  CHECK(spool.shows({"queue", "show", spool.onlyId()}, "as an administrator said"));
  CHECK(spool.ask({"queue", "delete", "ALL", "--destination=far.test"}).exitCode == 0);
  CHECK(spool.isEmpty());
}

TEST_CASE("a mailing to more than one transaction takes waits in line as a whole, goes in several, and nobody is sent it twice") {
  SpoolFixture spool;
  spool.start();
  std::vector<std::string> all;
  for (int n = 0; n < 250; ++n) all.push_back("u" + std::to_string(n) + "@far.test");
  spool.ask({"queue", "disable"});
  REQUIRE(spool.submit(all));
  CHECK(spool.shows({"queue", "destinations", "--json"}, "\"waiting\":1,"));
  spool.ask({"queue", "enable"});
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 3; }));
  std::set<std::string> sent;
  for (const SpoolFixture::Sent& one : spool.sent) {
    CHECK(one.request.envelope.recipients.size() <= 100);
    for (const ipc::Recipient& recipient : one.request.envelope.recipients) CHECK(sent.insert(recipient.forwardPath).second);
  }
  CHECK(sent.size() == 250);
  REQUIRE(spool.waitFor([&] { return spool.isEmpty(); }));
}

TEST_CASE("two hundred hosts that hang do not keep a healthy one waiting, though nobody has asked it before") {
  SpoolFixture spool;
  spool.hangs = [](const ipc::Deliver& request) { return request.nextHop.name.starts_with("hangs"); };
  spool.start();
  spool.ask({"queue", "disable"});
  for (int n = 0; n < 200; ++n) REQUIRE(spool.submit({"x@hangs" + std::to_string(n) + ".test"}));
  REQUIRE(spool.submit({"x@zz-healthy.test"}));
  spool.ask({"queue", "enable"});
  const auto began = std::chrono::steady_clock::now();
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 1; }, std::chrono::seconds(15)));
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(10));
  // Now it has proven to answer: its next message leaves at once, in the share that hosts like it have.
  const auto again = std::chrono::steady_clock::now();
  REQUIRE(spool.submit({"y@zz-healthy.test"}));
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 2; }));
  CHECK(std::chrono::steady_clock::now() - again < std::chrono::seconds(1));
}

TEST_CASE("a report of mail for a program names the address that was written to and has the program's words, not where it lies") {
  struct Row {
    ipc::SmtpReply reply;
    const char* action;
    bool areWordsTold;
  };
  for (const Row& row : {Row{{250, "2.0.0", "/bin/robot has it"}, "Action: delivered", false},
                         Row{{550, "5.1.1", "The program ended with status 67: no such customer"}, "Action: failed", true},
                         Row{{550, "5.3.5", "/bin/robot --mail: no such customer"}, "Action: failed", false}}) {
    INFO(row.reply.text);
    SpoolFixture spool;
    spool.programReply = row.reply;
    spool.start();
    const auto wanted = [](ipc::Envelope& envelope) {
      envelope.recipients.front().notify = ipc::Recipient::kNotifySuccess | ipc::Recipient::kNotifyFailure;
      envelope.recipients.front().notifyGiven = true;
    };
    REQUIRE(spool.send("alice@example.test", {"robot@example.test"}, kText, spool.loggedIn(), wanted));
    REQUIRE(spool.waitFor([&] { return spool.mailboxOf("alice").size() == 1; }));
    const std::string report = spool.mailboxOf("alice").front();
    CHECK(report.find("robot@example.test") != std::string::npos);
    CHECK(report.find("/bin/robot") == std::string::npos);
    CHECK((report.find("no such customer") != std::string::npos) == row.areWordsTold);
    CHECK(report.find(row.action) != std::string::npos);
  }
}

TEST_CASE("mail for an alias that is a program is handed to role programs, and tried again by its schedule when that says later") {
  SpoolFixture spool;
  spool.programReply = {451, "4.3.0", "The program ended with status 75"};
  spool.start();
  REQUIRE(spool.send("b@other.test", {"robot@example.test"}, kText));
  REQUIRE(spool.waitFor([&] { return spool.programs.size() == 1; }));
  const ipc::RunProgram& asked = spool.programs.front();
  CHECK(asked.command == "/bin/robot --mail");
  CHECK(asked.alias == "robot");
  CHECK(asked.reversePath == "b@other.test");
  CHECK(spool.programContent.starts_with("Return-Path: <b@other.test>\r\nDelivered-To: robot@example.test\r\n"));
  CHECK(spool.programContent.find("hello\r\n") != std::string::npos);
  REQUIRE(spool.waitFor([&] { return spool.shows({"queue", "list"}, "status 75"); }));
  spool.skip(std::chrono::minutes(2));
  REQUIRE(spool.send("b@other.test", {"bob@example.test"}, kText));
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("bob").size() == 1; }));
  CHECK(spool.programs.size() == 1);
  spool.programReply = {250, "2.0.0", "ok"};
  spool.skip(std::chrono::minutes(14));
  REQUIRE(spool.waitFor([&] { return spool.programs.size() == 2; }, std::chrono::seconds(15)));
  REQUIRE(spool.waitFor([&] { return spool.isEmpty(); }));
}
