#include "queued/spool/senders.h"

#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <csignal>

#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/policy.h"
#include "tests/unit/queued/spool/spool_fixture.h"

namespace ostler::spool {
namespace {

const std::string kMail = "Subject: hello\r\n\r\ntext\r\n";

struct Limited : SpoolFixture {
  explicit Limited(config::SendingLimits limits) {
    change([&](config::Config& c) { c.virtualServers.front().sending = limits; });
    start();
  }
  int mail(const std::vector<std::string>& to) {
    const auto reply = send("alice@example.test", to, kMail, loggedIn());
    REQUIRE(reply);
    return reply->queueId.empty() ? reply->replies.front().code : 250;
  }
  std::size_t notices() {
    const auto box = mailboxOf("carol");  // postmaster of the fixture
    return static_cast<std::size_t>(std::count_if(box.begin(), box.end(), [](const std::string& message) {
      return message.find("may send no more mail") != std::string::npos;
    }));
  }
};

/// No file of this process grows while it lives.
class FullDisk {
 public:
  FullDisk() : before_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &limit_);
    const rlimit none{0, limit_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &none);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &limit_);
    ::signal(SIGXFSZ, before_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit limit_{};
  sighandler_t before_;
};

}  // namespace

TEST_CASE("who sends too many messages is frozen, postmaster is told once, and an administrator lifts it") {
  Limited spool({.messagesPerHour = 2});
  CHECK(spool.mail({"bob@example.test"}) == 250);
  CHECK(spool.mail({"bob@example.test"}) == 250);
  CHECK(spool.mail({"bob@example.test"}) == 450);
  const ipc::SmtpReply rcpt = spool.rcpt("bob@example.test", spool.loggedIn());
  CHECK(rcpt.code == 450);
  CHECK(rcpt.enhanced == "4.7.1");
  CHECK(rcpt.text == "Your sending is frozen (more than 2 messages an hour) until postmaster lifts it");
  CHECK(spool.waitFor([&] { return spool.notices() == 1; }));
  CHECK(spool.mail({"bob@example.test"}) == 450);
  CHECK(spool.notices() == 1);
  CHECK(spool.ask({"sender", "list"}).output.starts_with("alice@example.test: frozen since "));
  CHECK(spool.ask({"sender", "list", "--json"}).output.find(R"("frozen":true)") != std::string::npos);
  CHECK(spool.ask({"sender", "thaw", "Alice@example.test"}).exitCode == 0);
  CHECK(spool.mail({"bob@example.test"}) == 250);
  CHECK(spool.ask({"sender", "list"}).output.empty());
  CHECK(spool.ask({"sender", "thaw", "alice@example.test"}).exitCode != 0);
}

TEST_CASE("a frozen user still reaches postmaster, and strangers send on") {
  Limited spool({.messagesPerHour = 1});
  CHECK(spool.ask({"sender", "freeze", "alice@example.test"}).exitCode == 0);
  CHECK(spool.mail({"bob@example.test"}) == 450);
  CHECK(spool.mail({"postmaster@example.test"}) == 250);
  CHECK(spool.rcpt("postmaster@example.test", spool.loggedIn()).code == 250);
  CHECK(spool.rcpt("bob@example.test").code == 250);
  CHECK(spool.ask({"sender", "freeze", "nobody@example.test"}).exitCode != 0);
}

TEST_CASE("recipients count as many as they are, those of the message under way too") {
  Limited spool({.recipientsPerDay = 3});
  CHECK(spool.mail({"bob@example.test", "carol@example.test"}) == 250);
  ipc::CheckRecipient request;
  request.forwardPath = "bob@example.test";
  CHECK(spool.askAs(request, spool.loggedIn()).code == 250);
  request.before = 1;
  CHECK(spool.askAs(request, spool.loggedIn()).code == 450);
  CHECK(spool.mail({"bob@example.test"}) == 450);
}

TEST_CASE("recipients never written to have a lower limit, and whoever was written to once is known for good") {
  Limited spool({.newRecipientsPerDay = 2});
  CHECK(spool.mail({"a@remote.test", "b@remote.test"}) == 250);
  CHECK(spool.mail({"A@Remote.test", "b@remote.test"}) == 250);
  spool.restart();
  CHECK(spool.mail({"a@remote.test", "b@remote.test"}) == 250);
  CHECK(spool.rcpt("b@remote.test", spool.loggedIn()).code == 250);
  CHECK(spool.rcpt("c@remote.test", spool.loggedIn()).code == 450);
}

TEST_CASE("recipients never written to count for the message under way, so that the first beyond the limit is refused at RCPT") {
  Limited spool({.newRecipientsPerHour = 2});
  CHECK(spool.mail({"known@remote.test"}) == 250);
  ipc::CheckRecipient request;
  request.session = spool.loggedIn();
  const auto ask = [&](const char* to) {
    request.forwardPath = to;
    const auto reply = spool.loop().runUntilDone(spool.smtpd().call(request, Deadline::after(std::chrono::seconds(60))));
    REQUIRE(reply);
    ++request.before;
    request.newBefore += reply->isNew ? 1 : 0;
    return reply->code;
  };
  CHECK(ask("known@remote.test") == 250);
  CHECK(request.newBefore == 0);
  CHECK(ask("a@remote.test") == 250);
  CHECK(request.newBefore == 1);
  CHECK(ask("b@remote.test") == 450);
}

TEST_CASE("a freeze is lifted by the same name by which it was laid on") {
  Limited spool({});
  for (const char* name : {"bob@example.test", "Bob@Example.test", "bob@alias.test"}) {
    INFO(name);
    CHECK(spool.ask({"sender", "freeze", name}).exitCode == 0);
    CHECK(spool.shows({"sender", "list"}, "bob@example.test: frozen"));
    CHECK(spool.ask({"sender", "thaw", name}).exitCode == 0);
    CHECK(spool.ask({"sender", "list"}).output.empty());
  }
}

TEST_CASE("who is frozen stays frozen over a restart") {
  Limited spool({.messagesPerDay = 1});
  CHECK(spool.mail({"bob@example.test"}) == 250);
  CHECK(spool.mail({"bob@example.test"}) == 450);
  spool.restart();
  CHECK(spool.ask({"sender", "list"}).output.find("frozen since") != std::string::npos);
  CHECK(spool.mail({"bob@example.test"}) == 450);
}

TEST_CASE("what was counted is there after a restart, and is forgotten when it counts no more") {
  const SpoolFixture place;  // for its folder
  const WallTime now = place.now();
  Loop loop;
  const auto open = [&](Pool& disk, WallTime when) { return Senders::open(loop, disk, place.root() + "/senders", when, log::Log()).value(); };
  {
    std::unique_ptr<Senders> senders;
    Pool disk("disk", 2);
    senders = open(disk, now);
    senders->count("alice@example.test", {1, 5, 2}, {"a@b.test", "c@d.test"}, now);
    senders->flushNow();
  }
  {
    std::unique_ptr<Senders> senders;
    Pool disk("disk", 2);
    senders = open(disk, now);
    CHECK(policy::sentInDay(senders->all().at("alice@example.test"), now).recipients == 5);
    const policy::Amount amount = loop.runUntilDone(senders->amountOf("alice@example.test", {"A@b.test", "new@d.test"}, {.newRecipientsPerDay = 1}));
    CHECK(amount.newRecipients == 1);
  }
  Pool disk("disk", 2);
  CHECK(open(disk, now + std::chrono::hours(49))->all().empty());
}

TEST_CASE("a freeze that the disk does not take is written when it does, and is told of once") {
  const SpoolFixture place;  // for its folder
  Loop loop;
  const std::string folder = place.root() + "/senders";
  {
    std::unique_ptr<Senders> senders;
    Pool disk("disk", 1);
    const auto allWritten = [&] { (void)loop.runUntilDone(disk.run(loop, [] { return Result<void>(); })); };
    senders = Senders::open(loop, disk, folder, place.now(), log::Log()).value();
    {
      const FullDisk full;
      senders->freeze("alice@example.test", "by an administrator", place.now());
      allWritten();
    }
    senders->flush(place.now());
    allWritten();
  }
  Pool disk("disk", 1);
  CHECK(Senders::open(loop, disk, folder, place.now(), log::Log()).value()->all().contains("alice@example.test"));
}

TEST_CASE("while the disk takes nothing, whom users wrote to is remembered up to a bound; who is forgotten counts as new again") {
  const SpoolFixture place;  // for its folder
  Loop loop;
  Pool disk("disk", 1);
  const std::unique_ptr<Senders> senders = Senders::open(loop, disk, place.root() + "/senders", place.now(), log::Log()).value();
  const auto some = [](std::size_t from, std::size_t to) {
    std::vector<std::string> recipients;
    for (; from < to; ++from) recipients.push_back(std::to_string(from) + "@b.test");
    return recipients;
  };
  const auto write = [&](std::size_t from, std::size_t to) {
    senders->count("alice@example.test", {1, to - from, to - from}, some(from, to), place.now());
    senders->flushNow();
    (void)loop.runUntilDone(disk.run(loop, [] { return Result<void>(); }));
  };
  {
    const FullDisk full;
    write(0, 120'000);
    write(120'000, 170'000);
  }
  write(170'000, 170'001);
  const policy::Amount amount = loop.runUntilDone(senders->amountOf("alice@example.test", some(0, 170'001), {.newRecipientsPerDay = 1}));
  CHECK(amount.newRecipients == 70'000);  // the first 100,000 are known, and the last one
}

TEST_CASE("a message that was refused at its end does not count") {
  Limited spool({.messagesPerHour = 1});
  spool.change([](config::Config& c) { c.virtualServers.front().limits.hops = 5; });
  spool.restart();
  std::string looping;
  for (int hop = 0; hop < 7; ++hop) looping += "Received: by somebody\r\n";
  const auto reply = spool.send("alice@example.test", {"bob@example.test"}, looping + kMail, spool.loggedIn());
  REQUIRE(reply);
  CHECK(reply->replies.front().code == 554);
  CHECK(spool.mail({"bob@example.test"}) == 250);
}

}  // namespace ostler::spool
