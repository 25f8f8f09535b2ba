// Runs tests/dialogues/imap/*.dlg: what a client says (C:) and what the server answers (S:), over streams in memory,
// with the store in memory and an auth that knows alice with the password secret. A line `C2:` or `S2:` belongs to a
// second connection. Untagged lines that stand together may come in any order (RFC 9051 leaves it open). "..." stands
// for anything. `store: append fails temporary` makes the store's next such call fail; `store: holds 20001` puts so many messages into
// alice's INBOX, the third with "Subject: number 3". `client: ADDRESS` sets where connections come from; loopback may send passwords in clear text.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "imapd/grammar/search_key.h"
#include "tests/unit/imapd/house.h"

namespace fs = std::filesystem;
using namespace ostler;
using namespace ostler::imap;

namespace {

// "S: * OK [UIDNEXT 1]..." against one line of the server.
bool lineMatches(std::string_view pattern, std::string_view line) {
  const std::size_t dots = pattern.find("...");
  if (dots == std::string_view::npos) return pattern == line;
  if (!line.starts_with(pattern.substr(0, dots))) return false;
  line.remove_prefix(dots);
  pattern.remove_prefix(dots + 3);
  if (pattern.empty()) return true;
  for (; !line.empty(); line.remove_prefix(1)) {
    if (lineMatches(pattern, line)) return true;
  }
  return false;
}

struct Step {
  enum class Who { client, server, store } who = Who::server;
  std::string connection;
  std::string text;
  unsigned line = 0;
};

struct Script {
  net::IpAddress client = net::IpAddress::v4({127, 0, 0, 1});
  std::vector<Step> steps;
};

Script readScript(const fs::path& path) {
  Script script;
  std::ifstream file(path);
  unsigned number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.starts_with("client: ")) script.client = net::IpAddress::parse(line.substr(8)).value();
    if (line.starts_with("store: ")) script.steps.push_back({Step::Who::store, "", line.substr(7), number});
    if (line.size() < 2 || (line[0] != 'C' && line[0] != 'S')) continue;
    const std::size_t colon = line.find(':');
    REQUIRE(colon < 3);
    script.steps.push_back(
        {line[0] == 'C' ? Step::Who::client : Step::Who::server, line.substr(1, colon - 1), line.size() > colon + 2 ? line.substr(colon + 2) : "", number});
  }
  return script;
}

// Reads as many lines as are expected and says what is wrong with them; empty: nothing.
Task<std::string> expectLines(net::Connection& connection, const std::vector<Step>& expected) {
  std::vector<Step> untagged;  // not seen yet
  for (std::size_t at = 0; at < expected.size(); ++at) {
    const Result<std::string_view> read =
        co_await connection.readLine(1'000'000, Deadline::after(std::chrono::seconds(5)));
    const std::string where = "line " + std::to_string(expected[at].line) + ": ";
    if (!read) co_return where + "expected '" + expected[at].text + "', got " + read.error().detail;
    const std::string line(*read);
    if (!expected[at].text.starts_with("* ")) {
      if (!lineMatches(expected[at].text, line))
        co_return where + "expected '" + expected[at].text + "', got '" + line + "'";
      continue;
    }
    // The rest of this run of untagged lines is what may stand here.
    if (untagged.empty()) {
      for (std::size_t next = at; next < expected.size() && expected[next].text.starts_with("* "); ++next) {
        untagged.push_back(expected[next]);
      }
    }
    const auto found =
        std::find_if(untagged.begin(), untagged.end(), [&](const Step& step) { return lineMatches(step.text, line); });
    if (found == untagged.end()) co_return where + "nothing expected matches '" + line + "'";
    untagged.erase(found);
  }
  co_return std::string();
}

Task<std::string> play(House& house, const Script& script) {
  for (std::size_t at = 0; at < script.steps.size();) {
    const Step& step = script.steps[at];
    if (step.who == Step::Who::store) {
      constexpr std::string_view kHolds = "holds ";
      if (step.text.starts_with(kHolds)) {
        const Result<void> filled = co_await house.fill(std::stoul(step.text.substr(kHolds.size())));
        if (!filled) co_return "line " + std::to_string(step.line) + ": " + filled.error().detail;
        ++at;
        continue;
      }
      if (!house.faults().next(step.text)) co_return "line " + std::to_string(step.line) + ": no such fault";
      ++at;
      continue;
    }
    net::Connection& connection = house.connection(step.connection);
    if (step.who == Step::Who::client) {
      connection.write(step.text + "\r\n");
      const Result<void> sent = co_await connection.flush(Deadline::after(std::chrono::seconds(5)));
      if (!sent) co_return "line " + std::to_string(step.line) + ": " + sent.error().detail;
      ++at;
      continue;
    }
    std::vector<Step> expected;
    while (at < script.steps.size() && script.steps[at].who == Step::Who::server && script.steps[at].connection == step.connection) {
      expected.push_back(script.steps[at++]);
    }
    const std::string wrong = co_await expectLines(connection, expected);
    if (!wrong.empty()) co_return wrong;
  }
  co_return std::string();
}

std::vector<fs::path> dialogues() {
  std::vector<fs::path> all;
  for (const auto& entry : fs::directory_iterator("tests/dialogues/imap")) {
    if (entry.path().extension() == ".dlg") all.push_back(entry.path());
  }
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace

TEST_CASE("dialogues: every conversation in tests/dialogues/imap goes as written", "[dialogues]") {
  for (const fs::path& path : dialogues()) {
    DYNAMIC_SECTION(path.filename().string()) {
      const Script script = readScript(path);
      House house(script.client);
      CHECK(house.loop().runUntilDone(play(house, script)) == "");
    }
  }
}

TEST_CASE("dialogues: search_keys.dlg asks for every key that SEARCH knows") {
  std::string asked;
  for (const Step& step : readScript("tests/dialogues/imap/search_keys.dlg").steps) {
    if (step.who == Step::Who::client) asked += step.text + " ";
  }
  for (const std::string_view name : searchKeyNames()) {
    INFO(name);
    CHECK(asked.find(" SEARCH " + std::string(name) + " ") != std::string::npos);
  }
}
