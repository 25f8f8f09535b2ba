#include "smtpd/transcript.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "libmailcore/ipc/watches.h"
#include "tests/unit/smtpd/stage.h"

namespace ostler::smtpd {
namespace {

ipc::Watches watching(ipc::Watch watch) {
  watch.until = fromUnixMillis(1'700'000'000'000) + std::chrono::minutes(10);
  return {1, {watch}};
}

/// A session that logs into a file, and what the file has when it is over.
struct Written : Stage {
  Written() {
    char pattern[] = "/tmp/ostler-transcript-XXXXXX";
    folder = ::mkdtemp(pattern);
    log::Options options;
    options.target = log::Options::Target::file;
    options.file = folder + "/log";
    around.log = log::Log::open(options);
    allowPlaintext();
  }
  ~Written() { std::filesystem::remove_all(folder); }
  std::string play(std::vector<std::string> lines) {
    while (policy.watchesKnown != policy.watches.version) loop.runUntilDone(loop.sleepUntil(Deadline::after(std::chrono::milliseconds(1))));
    auto [server, client] = net::MemoryStream::makePair(loop);
    Session session(around, arrival(std::move(server)));
    TaskScope scope(loop);
    Caller caller(loop, std::move(client));
    scope.spawn(session.run());
    loop.runUntilDone(sendAll(caller, std::move(lines)));
    std::ifstream file(folder + "/log");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static Task<void> sendAll(Caller& caller, std::vector<std::string> lines) {
    std::optional<smtp::Reply> last = co_await caller.reply();
    for (const std::string& line : lines) last = co_await caller.ask(line);
    while (last) last = co_await caller.reply();
  }
  std::string folder;
};

}  // namespace

TEST_CASE("what proves an identity is left out of a transcript") {
  CHECK(withoutSecrets("EHLO x.example") == "EHLO x.example");
  CHECK(withoutSecrets("AUTH PLAIN AGFsaWNlAHNlY3JldA==") == "AUTH PLAIN (left out)");
  CHECK(withoutSecrets("auth plain AGFsaWNlAHNlY3JldA== more") == "AUTH plain (left out)");
  CHECK(withoutSecrets("AUTH LOGIN") == "AUTH LOGIN");
  CHECK(withoutSecrets(" AUTH PLAIN AGFsaWNlAHNlY3JldA==") == "AUTH PLAIN (left out)");
  CHECK(withoutSecrets("AUTH\tPLAIN\tAGFsaWNlAHNlY3JldA==") == "AUTH PLAIN (left out)");
  CHECK(withoutSecrets("AUTH AGFsaWNlAHNlY3JldA==") == "AUTH (left out)");
  CHECK(withoutSecrets("AGFsaWNlAHNlY3JldA==") == "(20 octets, no command)");
  CHECK(withoutSecrets("") == "(0 octets, no command)");
  CHECK(withoutSecrets("NOOP \x1b[2J").find('\x1b') == std::string::npos);
}

TEST_CASE("the sessions of a watched client are written down, without passwords and content") {
  Written stage;
  stage.policy.watches = watching({"192.0.2.0/24", "", {}});
  const std::string log = stage.play({"EHLO x.example", "AUTH LOGIN", "YWxpY2U=", "c2VjcmV0", "MAIL FROM:<a@b.example>", "RCPT TO:<alice@example.test>",
                                      "DATA", "very private\r\n.", "QUIT"});
  for (const char* const there : {"EHLO x.example", "said=client", "said=server", "AUTH LOGIN", "235 2.7.0", "MAIL FROM", "octets of content", "QUIT", "221"}) {
    CAPTURE(there, log);
    CHECK(log.find(there) != std::string::npos);
  }
  for (const char* const secret : {"c2VjcmV0", "YWxpY2U=", "very private"}) CHECK(log.find(secret) == std::string::npos);
}

TEST_CASE("a client that goes on blindly after a refusal does not get its password or its content into the transcript") {
  Written stage;
  stage.server().auth.plaintextFrom.clear();
  stage.policy.watches = watching({"192.0.2.0/24", "", {}});
  const std::string log = stage.play({"EHLO x.example", "AUTH LOGIN", "YWxpY2U=", "c2VjcmV0", "DATA", "Subject: very private", "QUIT"});
  CHECK(log.find("538 5.7.11") != std::string::npos);
  CHECK(log.find("octets, no command)") != std::string::npos);
  for (const char* const secret : {"c2VjcmV0", "YWxpY2U=", "very private"}) CHECK(log.find(secret) == std::string::npos);
}

TEST_CASE("of a watched user the session is written down from the login on, of others nothing") {
  Written stage;
  stage.policy.watches = watching({"", "alice@example.test", {}});
  const std::string log = stage.play({"EHLO before.example", "AUTH PLAIN AGFsaWNlAHNlY3JldA==", "NOOP", "QUIT"});
  CHECK(log.find(" transcript ") != std::string::npos);
  CHECK(log.find("NOOP") != std::string::npos);
  CHECK(log.find("line=\"EHLO before.example\"") == std::string::npos);
  Written other;
  other.policy.watches = watching({"198.51.100.7", "", {}});
  CHECK(other.play({"EHLO x.example", "AUTH PLAIN AGFsaWNlAHNlY3JldA==", "QUIT"}).find("transcript") == std::string::npos);
}

TEST_CASE("a transcript ends when its time is over") {
  Written stage;
  stage.policy.watches = watching({"192.0.2.7", "", {}});
  stage.clock.advance(std::chrono::minutes(11));
  CHECK(stage.play({"EHLO x.example", "QUIT"}).find("transcript") == std::string::npos);
}

}  // namespace ostler::smtpd
