// Every combination of CR, LF, dot and NUL around the end of the content, in DATA and in BDAT, whole and cut at every octet into
// packets: either one message arrives as the client meant it, or none; never two, and never a command out of content.
#include <catch2/catch.hpp>

#include "tests/unit/smtpd/stage.h"

namespace ostler::smtpd {
namespace {

constexpr std::string_view kAlphabet("\r\n.\0", 4);
constexpr std::size_t kLongest = 5;

std::string combination(std::size_t number, std::size_t length) {
  std::string out;
  for (std::size_t at = 0; at < length; ++at, number /= kAlphabet.size()) out += kAlphabet[number % kAlphabet.size()];
  return out;
}

std::string shown(std::string_view octets) {
  std::string out;
  for (const char c : octets) out += c == '\r' ? "CR " : c == '\n' ? "LF " : c == '.' ? "dot " : c == '\0' ? "NUL " : std::string(1, c);
  return out;
}

// What a second message would look like to a server that took the wrong end for the end.
const std::string kInside = "MAIL FROM:<evil@evil.example>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\nsmuggled\r\n";
const std::string kTail = "\r\n.\r\n";

/// Does the standard's end, CRLF dot CRLF, stand in `between` and what is around it before the true end? Then the client meant it.
bool holdsTrueEnd(const std::string& between) {
  const std::string stream = "x" + between + kInside;
  return stream.find("\r\n.\r\n") != std::string::npos;
}

Task<bool> begin(Caller& caller) {
  std::optional<smtp::Reply> last = co_await caller.reply();
  for (const char* line : {"EHLO x.example", "MAIL FROM:<a@b.example>", "RCPT TO:<alice@example.test>"}) {
    std::optional<smtp::Reply> reply = co_await caller.ask(line);
    if (!reply || reply->code != 250) co_return false;
  }
  co_return true;
}

// All of it in packets: cut once, after `cut` octets.
Task<void> sendCut(Caller& caller, std::string octets, std::size_t cut) {
  co_await caller.send(octets.substr(0, cut));
  co_await caller.connection().loop().yield();
  if (cut < octets.size()) co_await caller.send(octets.substr(cut));
}

Task<int> data(Caller& caller, std::string between, std::size_t cut) {
  const bool ready = co_await begin(caller);
  if (!ready) co_return -1;
  std::optional<smtp::Reply> goAhead = co_await caller.ask("DATA");
  if (!goAhead || goAhead->code != 354) co_return -2;
  co_await sendCut(caller, "x" + between + kInside + kTail, cut);
  std::optional<smtp::Reply> reply = co_await caller.reply();
  co_return reply ? reply->code : 0;
}

Task<int> bdat(Caller& caller, std::string between, std::size_t cut) {
  const bool ready = co_await begin(caller);
  if (!ready) co_return -1;
  const std::string content = "x" + between + kInside;
  const std::string command = "BDAT " + std::to_string(content.size()) + " LAST\r\n";
  co_await sendCut(caller, command + content, command.size() + cut);
  std::optional<smtp::Reply> reply = co_await caller.reply();
  if (!reply) co_return 0;
  std::optional<smtp::Reply> still = co_await caller.ask("NOOP");  // the next command is ours, not one out of the content
  co_return still && still->code == 250 ? reply->code : -3;
}

struct Result2 {
  int code = 0;
  std::size_t messages = 0;
  std::string evil;
};

template <class Play>
Result2 tryOut(Play play, const std::string& between, std::size_t cut) {
  Stage stage;
  auto [server, client] = net::MemoryStream::makePair(stage.loop);
  Session session(stage.around, stage.arrival(std::move(server)));
  TaskScope scope(stage.loop);
  scope.spawn(session.run());
  Caller caller(stage.loop, std::move(client));
  Result2 result;
  result.code = stage.loop.runUntilDone(play(caller, between, cut));
  result.messages = stage.policy.accepted.size();
  for (const auto& message : stage.policy.accepted) {
    if (message.envelope.reversePath != "a@b.example") result.evil = message.envelope.reversePath;
  }
  return result;
}

std::size_t power(std::size_t length) {
  std::size_t out = 1;
  for (std::size_t at = 0; at < length; ++at) out *= kAlphabet.size();
  return out;
}

TEST_CASE("smuggling: no combination of CR, LF, dot and NUL but CRLF dot CRLF ends DATA, wherever packets end") {
  std::size_t tried = 0;
  for (std::size_t length = 1; length <= kLongest; ++length) {
    for (std::size_t number = 0; number < power(length); ++number) {
      const std::string between = combination(number, length);
      if (holdsTrueEnd(between)) continue;  // that is the end, and what follows is commands: the client asked for it
      // Cut at every octet where that matters; the longest combinations whole and in the middle.
      for (std::size_t cut = length < kLongest ? 1 : 1 + length / 2; cut <= 1 + length; ++cut) {
        const Result2 result = tryOut(data, between, cut);
        ++tried;
        const bool fine = result.messages <= 1 && result.evil.empty() && (result.code == 250 || result.code == 550) &&
                          (result.code == 250) == (result.messages == 1);
        if (!fine) FAIL_CHECK(shown(between) << " cut " << cut << ": " << result.code << ", " << result.messages << " " << result.evil);
        const bool bare = between.find('\r') != std::string::npos || between.find('\n') != std::string::npos;
        if (!bare && result.code != 250) FAIL_CHECK(shown(between) << ": refused without a reason");
      }
    }
  }
  CHECK(tried > 2000);
}

TEST_CASE("smuggling: in BDAT nothing ends content but its size, wherever packets end") {
  for (std::size_t length = 1; length <= 4; ++length) {
    for (std::size_t number = 0; number < power(length); ++number) {
      const std::string between = combination(number, length);
      for (const std::size_t cut : {std::size_t{0}, std::size_t{1}, length, 1 + length}) {
        const Result2 result = tryOut(bdat, between, cut);
        const bool fine = result.messages <= 1 && result.evil.empty() && (result.code == 250 || result.code == 550) &&
                          (result.code == 250) == (result.messages == 1);
        if (!fine) FAIL_CHECK(shown(between) << " cut " << cut << ": " << result.code << ", " << result.messages << " " << result.evil);
      }
    }
  }
}

}  // namespace
}  // namespace ostler::smtpd
