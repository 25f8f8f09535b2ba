// What administrators change while the spool runs, and that it lasts.
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

/// The id of the one message that waits.
std::string onlyId(SpoolFixture& spool) {
  const std::string list = spool.ask({"queue", "list", "--json"}).output;
  const std::size_t at = list.find("\"id\":\"");
  REQUIRE(at != std::string::npos);
  return list.substr(at + 6, 26);
}

/// How often its history says that it was put off.
std::size_t deferrals(SpoolFixture& spool, const std::string& id) {
  const std::string life = spool.ask({"why", id}).output;
  std::size_t times = 0;
  for (std::size_t at = life.find(" deferred "); at != std::string::npos; at = life.find(" deferred ", at + 1)) ++times;
  return times;
}

}  // namespace

TEST_CASE("with outbound mail disabled local mail flows on, and a restart changes nothing") {
  SpoolFixture spool;
  spool.start();
  CHECK(spool.ask({"queue", "disable"}).exitCode == 0);
  REQUIRE(spool.submit({"bob@example.test", "x@far.test"}));
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("bob").size() == 1; }));
  CHECK(spool.shows({"why", onlyId(spool)}, "all outbound mail is stopped"));
  spool.restart();
  REQUIRE(spool.submit({"carol@example.test"}));
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("carol").size() == 1; }));
  CHECK(spool.sent.empty());
  CHECK(spool.shows({"queue", "destinations", "--json"}, "\"outbound\",\"state\":\"frozen\""));
  spool.ask({"queue", "enable"});
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 1; }));
}

TEST_CASE("a frozen sender's mail waits, others' goes, and thawing sends it") {
  SpoolFixture spool;
  spool.start();
  spool.ask({"queue", "freeze", "--sender", "Alice@example.test"});
  REQUIRE(spool.submit({"x@far.test"}));
  REQUIRE(spool.send("b@other.test", {"bob@example.test"}, kText));
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("bob").size() == 1; }));
  CHECK(spool.sent.empty());
  CHECK(spool.shows({"why", onlyId(spool)}, "its sender is frozen"));
  spool.ask({"queue", "thaw", "--sender", "alice@example.test"});
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 1; }));
}

TEST_CASE("a moved message goes to the host it was moved to, after a restart too") {
  SpoolFixture spool;
  spool.outState = ipc::RecipientOutcome::State::deferred;
  spool.outReply = {451, "4.4.1", "connection refused"};
  spool.outHost.clear();
  spool.start();
  REQUIRE(spool.submit({"x@far.test"}));
  REQUIRE(spool.waitFor([&] { return spool.shows({"queue", "list"}, "connection refused"); }));
  const std::string id = onlyId(spool);
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
  const std::string id = onlyId(spool);
  CHECK(spool.ask({"queue", "edit", id, "--expiry", "nonsense"}).exitCode != 0);
  CHECK(spool.ask({"queue", "edit", id, "--expiry", "1s"}).exitCode == 0);
  REQUIRE(spool.waitFor([&] {
    spool.ask({"queue", "retry", "--all"});
    return spool.mailboxOf("alice").size() == 1;
  }));
}

TEST_CASE("a sender hears once that its message was given up, however often that was looked at while the host rests") {
  SpoolFixture spool;
  spool.outState = ipc::RecipientOutcome::State::deferred;
  spool.outHost.clear();
  spool.start();
  REQUIRE(spool.submit({"x@far.test"}));
  REQUIRE(spool.waitFor([&] { return !spool.sent.empty(); }));
  const std::string id = onlyId(spool);
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
  CHECK(spool.ask({"queue", "delete", onlyId(spool), "--notify"}).exitCode == 0);
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("alice").size() == 1; }));
  REQUIRE(spool.submit({"x@far.test"}));
  spool.ask({"queue", "delete", "--all"});
  CHECK(spool.isEmpty());
  CHECK(spool.mailboxOf("alice").size() == 1);
}

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

TEST_CASE("the history of a message says by which rule a remote reply was taken as what it was") {
  SpoolFixture spool;
  spool.outState = ipc::RecipientOutcome::State::deferred;
  spool.outReply = {452, "5.5.3", "too many"};
  spool.start();
  REQUIRE(spool.submit({"x@far.test"}));
  REQUIRE(spool.waitFor([&] { return !spool.sent.empty(); }));
  const std::string id = onlyId(spool);
  REQUIRE(spool.waitFor([&] { return spool.shows({"why", id}, "rule=4yz is temporary, though its enhanced code is final (RFC 5321 4.2.1)"); }));
  spool.outState = ipc::RecipientOutcome::State::failed;
  spool.outReply = {550, "5.1.1", "nobody"};
  spool.ask({"queue", "retry", id});
  REQUIRE(spool.waitFor([&] { return spool.shows({"why", id}, "rule=5yz is final (RFC 5321 4.2.1)"); }));
}

TEST_CASE("how old the queue is stands in a table by domain") {
  SpoolFixture spool;
  spool.start();
  spool.ask({"queue", "disable"});
  REQUIRE(spool.submit({"x@far.test", "y@far.test"}));
  const std::string table = spool.ask({"queue", "ages"}).output;
  CHECK(table.find("TOTAL       2     2") != std::string::npos);
  CHECK(table.find("far.test       2     2") != std::string::npos);
}

TEST_CASE("what was said in the last attempts is shown with a message while it waits, after a restart too, and with its life after that") {
  SpoolFixture spool;
  spool.outState = ipc::RecipientOutcome::State::deferred;
  spool.outReply = {450, "4.2.0", "Greylisted"};
  spool.start();
  spool.transcript = "* mx.far.test [192.0.2.1]:25\nS: 220 first\n";
  REQUIRE(spool.submit({"x@far.test"}));
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 1; }));
  const std::string id = onlyId(spool);
  const auto shows = [&](const char* what) { return spool.ask({"queue", "show", id}).output.find(what) != std::string::npos; };
  REQUIRE(spool.waitFor([&] { return shows("S: 220 first"); }));
  for (const char* said : {"S: 220 second\n", "S: 220 third\n", "S: 220 fourth\n"}) {
    const std::size_t before = spool.sent.size();
    spool.transcript = said;
    spool.ask({"queue", "retry", id});
    REQUIRE(spool.waitFor([&] { return spool.sent.size() > before && shows(std::string(said, 12).c_str()); }));
  }
  CHECK_FALSE(shows("first"));
  CHECK(shows("second"));
  CHECK(spool.shows({"queue", "show", id, "--json"}, "\"transcript\":\"S: 220 fourth\\n\""));
  // With the next commit of the index they are on disk.
  spool.loop().runUntilDone(spool.loop().sleepUntil(Deadline::after(std::chrono::milliseconds(1500))));
  spool.restart();
  CHECK(shows("second"));
  CHECK(spool.shows({"why", id}, "S: 220 fourth"));
  spool.outState = ipc::RecipientOutcome::State::failed;
  spool.outReply = {550, "5.1.1", "No"};
  spool.transcript = "S: 550 fifth\n";
  spool.ask({"queue", "retry", id});
  REQUIRE(spool.waitFor([&] { return spool.shows({"why", id}, "It has left the queue"); }));
  CHECK(spool.shows({"why", id}, "said | S: 550 fifth"));
}

TEST_CASE("a route that is frozen holds what waits in line for it at once, and thawing lets it go") {
  SpoolFixture spool;
  spool.change([](config::Config& config) {
    config::RouteRule rule;
    rule.domain = "far.test";
    rule.pace.concurrency = 1;
    config.routes.push_back(rule);
  });
  bool isHanging = true;
  spool.hangs = [&](const ipc::Deliver&) { return std::exchange(isHanging, false); };
  spool.start();
  REQUIRE(spool.submit({"x@far.test"}));
  REQUIRE(spool.waitFor([&] { return !isHanging; }));
  // In line behind the one that hangs, then frozen.
  REQUIRE(spool.submit({"y@far.test"}));
  spool.ask({"queue", "freeze", "--route", "far.test"});
  CHECK(spool.shows({"queue", "destinations", "--json"}, "\"mx:far.test\",\"state\":\"frozen\""));
  REQUIRE(spool.submit({"bob@example.test"}));
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("bob").size() == 1; }));
  CHECK(spool.sent.empty());
  spool.ask({"queue", "thaw", "--route", "far.test"});
  CHECK(spool.shows({"queue", "destinations", "--json"}, "\"mx:far.test\",\"state\":\"active\""));
}

TEST_CASE("a sender who is frozen while his mail waits in line sends nothing more, others do, and thawing lets it go") {
  SpoolFixture spool;
  spool.start();
  spool.ask({"queue", "disable"});
  REQUIRE(spool.submit({"held@far.test"}));
  REQUIRE(spool.send("s@elsewhere.test", {"team@example.test"}, kText));  // leads to bob@remote.test, too
  REQUIRE(spool.waitFor([&] { return spool.shows({"queue", "destinations", "--json"}, "mx:remote.test\",\"state\":\"active\",\"waiting\":1"); }));
  CHECK(spool.shows({"queue", "destinations", "--json"}, "mx:far.test\",\"state\":\"active\",\"waiting\":1"));
  spool.ask({"queue", "freeze", "--sender", "alice@example.test"});
  spool.ask({"queue", "enable"});
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 1; }));
  CHECK(spool.sent[0].request.envelope.recipients.at(0).forwardPath == "bob@remote.test");
  const std::string list = spool.ask({"queue", "list", "--json", "--recipient", "held@far.test"}).output;
  REQUIRE(list.find("\"id\":\"") != std::string::npos);
  CHECK(spool.shows({"why", list.substr(list.find("\"id\":\"") + 6, 26)}, "its sender is frozen"));
  spool.ask({"queue", "thaw", "--sender", "alice@example.test"});
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 2; }));
  CHECK(spool.sent[1].request.envelope.recipients.at(0).forwardPath == "held@far.test");
}

TEST_CASE("next hops and what is laid on them are told in words, with --json as JSON, and all of them however many there are") {
  SpoolFixture spool;
  spool.change([](config::Config& config) { config.queue.segmentSize = ByteCount{16U << 20}; });
  spool.start();
  spool.ask({"queue", "freeze", "--sender", "Alice@example.test"});
  spool.ask({"queue", "hold", "--destination", "far.test"});
  CHECK(spool.ask({"queue", "holds"}).output == "mx:far.test held\nsender:alice@example.test frozen\n");
  CHECK(spool.ask({"queue", "holds", "--json"}).output ==
        "{\"key\":\"mx:far.test\",\"hold\":\"held\"}\n{\"key\":\"sender:alice@example.test\",\"hold\":\"frozen\"}\n");
  CHECK(spool.shows({"queue", "destinations"}, "mx:far.test held\n"));
  spool.ask({"queue", "thaw", "--sender", "alice@example.test"});
  spool.ask({"queue", "disable"});
  constexpr std::size_t kMany = 9'000;
  std::string file = "X-Sender: alice@example.test\r\n";
  for (std::size_t n = 0; n < kMany; ++n) file += "X-Receiver: x@domain" + std::to_string(n) + "." + std::string(40, 'd') + ".test\r\n";
  spool.drop("many.eml", file + kText);
  REQUIRE(spool.waitFor([&] { return spool.shows({"queue", "summary"}, "\"pending_recipients\":9000,"); }));
  for (const std::vector<std::string>& words : {std::vector<std::string>{"queue", "destinations"}, {"queue", "destinations", "--json"}}) {
    std::set<std::string> seen;
    REQUIRE(spool.waitFor([&] {
      seen.clear();
      const std::string all = spool.askAll(words);
      for (std::size_t at = all.find("mx:domain"); at != std::string::npos; at = all.find("mx:domain", at + 1)) seen.insert(all.substr(at, all.find('.', at) - at));
      return seen.size() == kMany;
    }));
  }
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
  CHECK(spool.ask({"queue", "list", "--json"}).output == before);
  CHECK(spool.ask({"queue", "delete", "ALL", "--destination=far.test"}).exitCode == 0);
  CHECK(spool.isEmpty());
}

TEST_CASE("what came while all delivery was stopped, and what waited before, goes on when it is resumed, after a restart too") {
  SpoolFixture spool;
  spool.start();
  spool.ask({"queue", "freeze", "--all"});
  REQUIRE(spool.submit({"bob@example.test"}));
  spool.restart();
  REQUIRE(spool.submit({"bob@example.test"}));
  CHECK(spool.mailboxOf("bob").empty());
  spool.ask({"queue", "thaw", "--all"});
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("bob").size() == 2; }));
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
