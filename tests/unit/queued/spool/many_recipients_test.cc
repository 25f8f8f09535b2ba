// One message to very many recipients: what is said of it does not fit into one frame, and no work may grow with their square.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/base64.h"
#include "tests/unit/queued/spool/spool_fixture.h"

using namespace ostler;
using namespace ostler::spool;

namespace {

constexpr std::size_t kMany = 100'000;

std::size_t countOf(const std::string& text, std::string_view word) {
  std::size_t count = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + word.size())) ++count;
  return count;
}

/// Dropped into pickup/ and waiting there, between two others.
std::string queueThem(SpoolFixture& spool) {
  spool.ask({"queue", "freeze", "--all"});
  REQUIRE(spool.send("b@other.test", {"alice@example.test"}, kText));
  std::string file = "X-Sender: alice@example.test\r\n";
  for (std::size_t n = 0; n < kMany; ++n) file += "X-Receiver: u" + std::to_string(n) + "@far.test\r\n";
  spool.drop("many.eml", file + kText);
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
