// One message to very many recipients: what is said of it does not fit into one frame, and no work may grow with their square.
#include <catch2/catch.hpp>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/base64.h"
#include "tests/unit/queued/spool/spool_fixture.h"

using namespace ostler;
using namespace ostler::spool;

namespace {

constexpr std::size_t kMany = 100'000;
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr std::size_t kAliases = kMany / 5;  // minutes otherwise
#else
constexpr std::size_t kAliases = kMany;
#endif

std::size_t countOf(const std::string& text, std::string_view word) {
  std::size_t count = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + word.size())) ++count;
  return count;
}

/// From alice, to u0, u1 ... of that domain.
std::string toMany(const std::string& domain, std::size_t many = kMany) {
  std::string file = "X-Sender: alice@example.test\r\n";
  for (std::size_t n = 0; n < many; ++n) file += "X-Receiver: u" + std::to_string(n) + "@" + domain + "\r\n";
  return file + kText;
}

std::size_t told(SpoolFixture& spool) {
  std::size_t recipients = 0;
  for (const std::string& report : spool.mailboxOf("alice")) recipients += countOf(report, "Final-Recipient: rfc822; u");
  return recipients;
}

/// The list would show each recipient again and again.
bool isGone(SpoolFixture& spool) { return spool.shows({"queue", "summary"}, "\"messages\":0,"); }

/// Dropped into pickup/ and waiting there, between two others.
std::string queueThem(SpoolFixture& spool) {
  spool.ask({"queue", "freeze", "--all"});
  REQUIRE(spool.send("b@other.test", {"alice@example.test"}, kText));
  spool.drop("many.eml", toMany("far.test"));
  REQUIRE(spool.waitFor([&] { return spool.ask({"queue", "summary"}).output.find("\"messages\":2,") != std::string::npos; }, std::chrono::seconds(30)));
  REQUIRE(spool.send("b@other.test", {"bob@example.test"}, kText));
  const std::string list = spool.askAll({"queue", "list", "--json", "--recipient", "u0@far.test"});
  return nlohmann::json::parse(list.substr(0, list.find('\n')))["id"];
}

}  // namespace

TEST_CASE("a message to 100,000 recipients is listed, shown, explained and exported whole, and so is what stands beside it") {
  SpoolFixture spool;
  spool.change([](config::Config& config) { config.queue.segmentSize = ByteCount{16U << 20}; });
  spool.start();
  const std::string id = queueThem(spool);

  const std::string text = spool.askAll({"queue", "list"});
  CHECK(countOf(text, "@far.test> attempts=0\n") == kMany);
  CHECK(countOf(text, "    to=<") == kMany + 2);
  CHECK(text.ends_with("KiB\n"));
  CHECK(countOf(spool.askAll({"queue", "list", "--postfix"}), "@far.test\n") == kMany);

  for (const char* format : {"--json", "--postfix-json"}) {
    const std::string json = spool.askAll({"queue", "list", format});
    std::vector<std::size_t> recipients;
    for (const std::string_view line : split(json, '\n')) {
      if (!line.empty()) recipients.push_back(nlohmann::json::parse(line).at("recipients").size());
    }
    CHECK(recipients == std::vector<std::size_t>{1, kMany, 1});
  }
  CHECK(nlohmann::json::parse(spool.askAll({"queue", "show", id, "--json"})).at("recipients").size() == kMany);
  CHECK(countOf(spool.askAll({"why", id}), "now: <u") == kMany);

  const std::string exported = spool.askAll({"queue", "export", id, "--record"});
  const auto record = decodeRecord(1, decodeBase64(nlohmann::json::parse(exported.substr(0, exported.find('\n')))["record"].get<std::string>()).value());
  REQUIRE(record);
  CHECK(std::get<MessageRecord>(*record).recipients.size() == kMany);
  CHECK(std::get<MessageRecord>(*record).recipients.back().recipient.forwardPath == "u99999@far.test");
}

TEST_CASE("a message to 100,000 recipients that is ended is told of within seconds, of each once, and holds up nobody") {
  SpoolFixture spool;
  spool.change([](config::Config& config) { config.queue.segmentSize = ByteCount{16U << 20}; });
  spool.start();
  const std::string id = queueThem(spool);
  const std::clock_t before = std::clock();  // the work it takes, whatever else runs
  CHECK(spool.ask({"queue", "expire", id}).exitCode == 0);
  spool.ask({"queue", "thaw", "--all"});
  REQUIRE(spool.waitFor([&] { return spool.shows({"why", id}, "It has left the queue"); }, std::chrono::seconds(60)));
  REQUIRE(spool.waitFor([&] { return isGone(spool); }, std::chrono::seconds(60)));
  CHECK(std::clock() - before < 60 * CLOCKS_PER_SEC);  // 3 s as a rule
  CHECK(told(spool) == kMany);
  CHECK(spool.mailboxOf("alice").size() < 30);
  REQUIRE(spool.send("b@other.test", {"bob@example.test"}, kText));
}

TEST_CASE("a message to 100,000 names of one mailbox is there once, and work for it does not grow with their square") {
  for (const bool isReadBack : {false, true}) {
    INFO((isReadBack ? "read back from the journal" : "just accepted"));
    SpoolFixture spool;
    spool.leadsTo = [](const std::string& user) { return user.starts_with('u') ? std::string("bob") : user; };
    spool.change([](config::Config& config) { config.queue.segmentSize = ByteCount{16U << 20}; });
    spool.start();
    if (isReadBack) spool.ask({"queue", "freeze", "--all"});
    const std::clock_t before = std::clock();
    spool.drop("many.eml", toMany("example.test"));
    REQUIRE(spool.waitFor([&] { return isReadBack ? !isGone(spool) : spool.mailboxOf("bob").size() == 1; }, std::chrono::seconds(60)));
    spool.ask({"queue", "thaw", "--all"});
    REQUIRE(spool.waitFor([&] { return isGone(spool); }, std::chrono::seconds(120)));
    CHECK(std::clock() - before < 60 * CLOCKS_PER_SEC);
    CHECK(spool.mailboxOf("bob").size() == 1);
    CHECK(spool.mailboxOf("alice").empty());
  }
}

TEST_CASE("a message to 100,000 recipients elsewhere goes out in transactions of a hundred, each recipient once") {
  SpoolFixture spool;
  spool.change([](config::Config& config) { config.queue.segmentSize = ByteCount{16U << 20}; });
  spool.start();
  spool.drop("many.eml", toMany("far.test"));
  std::size_t sent = 0;
  std::set<std::string> recipients;
  REQUIRE(spool.waitFor([&] {
    for (const SpoolFixture::Sent& one : std::exchange(spool.sent, {})) {
      for (const ipc::Recipient& to : one.request.envelope.recipients) recipients.insert(to.forwardPath);
      sent += one.request.envelope.recipients.size();
    }
    return sent >= kMany;
  }, std::chrono::seconds(120)));
  REQUIRE(spool.waitFor([&] { return isGone(spool); }));
  CHECK(sent == kMany);
  CHECK(recipients.size() == kMany);
}

TEST_CASE("a list with a thousand members who are not there any more gives its sender few reports, not a thousand") {
  SpoolFixture spool;
  spool.start();
  spool.drop("many.eml", toMany("example.test", 1000));
  REQUIRE(spool.waitFor([&] { return told(spool) == 1000; }));
  CHECK(spool.mailboxOf("alice").size() < 100);
}

TEST_CASE("an alias of very many addresses is expanded once, and those named twice in it get one copy") {
  SpoolFixture spool;
  spool.change([](config::Config& config) { config.queue.segmentSize = ByteCount{16U << 20}; });
  for (std::size_t n = 0; n < kMany; ++n) spool.forwards["list"].push_back("u" + std::to_string(n % 90'000) + "@some.where.far.test");
  spool.start();
  spool.ask({"queue", "disable"});
  REQUIRE(spool.submit({"list@example.test"}));
  REQUIRE(spool.waitFor([&] { return spool.shows({"queue", "summary"}, "\"pending_recipients\":90000,"); }));
  spool.ask({"queue", "enable"});
  REQUIRE(spool.waitFor([&] { return isGone(spool); }));
  std::set<std::string> recipients;
  for (const SpoolFixture::Sent& one : spool.sent) {
    for (const ipc::Recipient& to : one.request.envelope.recipients) CHECK(recipients.insert(to.forwardPath).second);
  }
  CHECK(recipients.size() == 90'000);
}

TEST_CASE("a message to 100,000 aliases costs the same for each of them, and each leads to one copy") {
  std::map<std::size_t, double> seconds;
  for (const std::size_t many : {kAliases / 10, kAliases}) {
    SpoolFixture spool;
    spool.change([](config::Config& config) { config.queue.segmentSize = ByteCount{16U << 20}; });
    for (std::size_t n = 0; n < many; ++n) spool.forwards["u" + std::to_string(n)].push_back("to" + std::to_string(n) + "@far.test");
    spool.start();
    const std::clock_t before = std::clock();
    spool.drop("many.eml", toMany("example.test", many));
    std::set<std::string> recipients;
    std::size_t sent = 0;
    REQUIRE(spool.waitFor([&] {
      for (const SpoolFixture::Sent& one : std::exchange(spool.sent, {})) {
        for (const ipc::Recipient& to : one.request.envelope.recipients) recipients.insert(to.forwardPath);
        sent += one.request.envelope.recipients.size();
      }
      return sent >= many;
    }, std::chrono::seconds(120)));
    REQUIRE(spool.waitFor([&] { return isGone(spool); }));
    seconds[many] = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
    CHECK(sent == many);
    CHECK(recipients.size() == many);
  }
  INFO("processor time: " << seconds[kAliases / 10] << " s and " << seconds[kAliases] << " s");
  CHECK(seconds[kAliases] < 30 * seconds[kAliases / 10]);  // ten times as long, or with their square a hundred
}

TEST_CASE("a host that says very much about each of many recipients does not stop the spool") {
  SpoolFixture spool;
  spool.change([](config::Config& config) {
    config.queue.segmentSize = ByteCount{1U << 20};
    config.reports.copyTo = "carol@example.test";
  });
  spool.start();
  for (const auto state : {ipc::RecipientOutcome::State::deferred, ipc::RecipientOutcome::State::failed}) {
    const bool isFinal = state == ipc::RecipientOutcome::State::failed;
    spool.outState = state;
    spool.outReply = {static_cast<std::uint16_t>(isFinal ? 550 : 450), isFinal ? "5.1.1" : "4.1.1", std::string(9'000, 'x')};
    std::vector<std::string> all;
    for (int n = 0; n < 100; ++n) all.push_back("u" + std::to_string(n) + "@far.test");
    REQUIRE(spool.submit(all));
    REQUIRE(spool.waitFor([&] { return isFinal ? told(spool) == 100 : spool.shows({"queue", "list"}, "attempts=1"); }, std::chrono::seconds(20)));
    REQUIRE(spool.submit({"bob@example.test"}));
  }
  CHECK(spool.waitFor([&] { return spool.mailboxOf("bob").size() == 2 && !spool.mailboxOf("carol").empty(); }));
}

TEST_CASE("a file in pickup with more recipients than the log takes is kept with the reason, and the next one goes out") {
  SpoolFixture spool;
  spool.change([](config::Config& config) { config.queue.segmentSize = ByteCount{1U << 20}; });
  spool.start();
  spool.drop("many.eml", toMany("far.test", 20'000));
  REQUIRE(spool.waitFor([&] { return spool.shows({"badmail", "list"}, "20000 recipients are more than one message may have"); }));
  spool.drop("one.eml", toMany("far.test", 1));
  REQUIRE(spool.waitFor([&] { return spool.sent.size() == 1; }));
  CHECK(std::filesystem::is_empty(spool.config->pickupDir() + "/.taken"));
}
