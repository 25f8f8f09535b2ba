// Runs tests/dialogues/imap/*.dlg: what a client says (C:) and what the server answers (S:), over streams in memory,
// with the store in memory and an auth that knows alice with the password secret. A line `C2:` or `S2:` belongs to a
// second connection. Untagged lines that stand together may come in any order (RFC 9051 leaves it open). "..." stands
// for anything. `store: append fails temporary` makes the store's next such call fail; `store: holds 20001` puts so many messages into
// alice's INBOX, the third with "Subject: number 3". `client: ADDRESS` sets where connections come from; loopback may send passwords in clear text.
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>

#include "libmailcore/net/connection.h"
#include "libmailcore/net/memory_stream.h"
#include "libmailcore/store/failing_store.h"
#include "libmailcore/store/memory_store.h"

#include "imapd/grammar/search_key.h"
#include "imapd/session.h"

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

Id128 aliceId() { return *Id128::fromOctets("0123456789abcdef"); }

Task<Result<ipc::Client::Answer<ipc::LoginReply>>> answerLogin(std::shared_ptr<ipc::ServerConnection>,
                                                               ipc::LoginStart start, std::vector<UniqueFd>) {
  ipc::Client::Answer<ipc::LoginReply> answer;
  if (start.mechanism != "PLAIN") {
    answer.message.state = ipc::LoginReply::State::unavailable;
  } else if (!start.initial) {
    answer.message.state = ipc::LoginReply::State::challenge;
    answer.message.conversation = 7;
  } else if (*start.initial == std::string("\0alice\0secret", 13)) {
    answer.message.state = ipc::LoginReply::State::succeeded;
    answer.message.account.id = aliceId();
    answer.message.account.address = "alice@example.test";
  } else {
    answer.message.reason = "credentials";
  }
  co_return std::move(answer);
}

Task<Result<ipc::Client::Answer<ipc::LoginReply>>> continueLogin(std::shared_ptr<ipc::ServerConnection> from,
                                                                 ipc::LoginContinue next, std::vector<UniqueFd>) {
  ipc::LoginStart whole;
  whole.mechanism = "PLAIN";
  whole.initial = next.response;
  return answerLogin(std::move(from), std::move(whole), {});
}

class House {
 public:
  explicit House(net::IpAddress client)
      : socket_("/tmp/imapd-test-" + std::to_string(::getpid()) + ".sock"),
        server_(loop_),
        auth_(loop_, socket_),
        store_(std::make_unique<store::FailingStore>(store::makeMemoryStore(loop_), faults_)),
        reading_("test-read", 1),
        clock_(fromUnixMillis(1'800'000'000'000)),
        worker_{loop_, auth_, *store_, reading_, users_, clock_, log::Log()},
        client_(client),
        sessions_(loop_) {
    server_.onWithDescriptors<ipc::LoginStart>(answerLogin);
    server_.onWithDescriptors<ipc::LoginContinue>(continueLogin);
    REQUIRE(server_.listen(socket_, 0600));
    auto config = std::make_shared<config::Config>();
    config->hostName = "mail.example.test";
    config->imap.auth.mechanisms = {"PLAIN", "LOGIN"};
    config->imap.auth.plaintextFrom = {*net::Cidr::parse("127.0.0.0/8")};
    config_ = config;
  }
  ~House() { ::unlink(socket_.c_str()); }

  Loop& loop() { return loop_; }
  store::Faults& faults() { return *faults_; }
  /// Puts so many messages into alice's INBOX.
  Task<Result<void>> fill(std::size_t count) {
    Result<std::shared_ptr<store::Account>> alice = co_await store_->open(aliceId(), UniqueFd(), {});
    if (!alice) co_return ostler::fail(alice.error());
    std::vector<store::NewMessage> messages(count);
    for (std::size_t at = 0; at < count; ++at) {
      messages[at].emailId = Id128::make(clock_.now());
      messages[at].mailbox = std::string("INBOX");
      messages[at].content = "Subject: number " + std::to_string(at + 1) + "\r\n\r\n";
    }
    Result<std::vector<store::Appended>> stored = co_await (*alice)->append(std::move(messages));
    co_return stored ? Result<void>() : ostler::fail(stored.error());
  }
  /// The client's end of the connection of that name, with a session behind it.
  net::Connection& connection(const std::string& name) {
    auto& there = connections_[name];
    if (!there) {
      auto [near, far] = net::MemoryStream::makePair(loop_);
      there = std::make_unique<net::Connection>(loop_, std::move(near));
      net::Endpoint peer;
      peer.address = client_;
      held_.push_back(
          std::make_unique<Session>(worker_, Accepted{std::move(far), peer, net::Endpoint(), config_, nullptr}));
      sessions_.spawn(held_.back()->run());
    }
    return *there;
  }

 private:
  std::string socket_;
  Loop loop_;
  ipc::Server server_;
  ipc::Client auth_;
  std::shared_ptr<store::Faults> faults_ = std::make_shared<store::Faults>();
  std::unique_ptr<store::Store> store_;
  Pool reading_;
  UserConnections users_;
  ManualClock clock_;
  Worker worker_;
  net::IpAddress client_;
  std::shared_ptr<const config::Config> config_;
  std::map<std::string, std::unique_ptr<net::Connection>> connections_;
  std::vector<std::unique_ptr<Session>> held_;
  TaskScope sessions_;
};

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
