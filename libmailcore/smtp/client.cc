#include "libmailcore/smtp/client.h"

#include <array>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/base64.h"

namespace ostler::smtp {
namespace {

constexpr std::size_t kMostReplyLine = 4096;  // RFC 5321 4.5.3.1.5 says 512; servers write longer ones

}  // namespace

Client::Client(net::Connection connection, ClientOptions options)
    : connection_(std::move(connection)), options_(std::move(options)) {}

Task<Result<Reply>> Client::readReply(Deadline deadline) {
  ReplyReader reader;
  for (;;) {
    const Result<std::string_view> line = co_await connection_.readLine(kMostReplyLine, deadline);
    if (line) transcript_.server(*line);
    const Result<bool> complete = line ? reader.add(*line) : Result<bool>(fail(line.error()));
    if (!complete) {
      transcript_.event(complete.error().detail);
      usable_ = false;
      co_return fail(complete.error());
    }
    if (*complete) break;
  }
  Reply reply = reader.take();
  if (reply.code == 421) usable_ = false;  // RFC 5321 3.8: it closes
  co_return reply;
}

// `shown`: what the transcript says instead of the line.
Task<Result<Reply>> Client::ask(std::string line, std::chrono::milliseconds timeout, std::string shown) {
  transcript_.client(shown.empty() ? line : shown);
  connection_.write(line + "\r\n");
  const Deadline deadline = Deadline::after(timeout);
  const Result<void> sent = co_await connection_.flush(deadline);
  if (!sent) {
    transcript_.event(sent.error().detail);
    usable_ = false;
    co_return fail(sent.error());
  }
  Result<Reply> reply = co_await readReply(deadline);
  co_return reply;
}

Task<Result<Reply>> Client::greet() {
  Result<Reply> greeting = co_await readReply(Deadline::after(options_.timeouts.greeting));
  if (!greeting || greeting->code != 220) {
    if (greeting && greeting->isPositive()) greeting = fail(Error::Kind::syntax, "not a greeting: " + greeting->oneLine());
    usable_ = false;
    co_return greeting;
  }
  Result<Reply> hi = co_await hello();
  co_return hi;
}

Task<Result<Reply>> Client::hello() {
  capabilities_ = {};
  const std::string verb = options_.lmtp ? "LHLO " : "EHLO ";
  Result<Reply> reply = co_await ask(verb + options_.heloName, options_.timeouts.command);
  if (reply && reply->code / 100 == 2) {
    capabilities_ = parseCapabilities(*reply);
  } else if (reply && reply->isPermanent() && !options_.lmtp) {
    reply = co_await ask("HELO " + options_.heloName, options_.timeouts.command);  // RFC 5321 3.2
  }
  if (!reply || reply->code / 100 != 2) usable_ = false;
  co_return reply;
}

Task<Result<Reply>> Client::startTls(net::TlsClientOptions tls) {
  Result<Reply> reply = co_await ask("STARTTLS", options_.timeouts.command);
  if (!reply || reply->code != 220) co_return reply;
  const Result<void> started =
      co_await connection_.startTlsAsClient(std::move(tls), Deadline::after(options_.timeouts.command));
  transcript_.event(started ? connection_.tls()->text() : started.error().detail);
  if (!started) {
    usable_ = false;
    co_return fail(started.error());
  }
  Result<Reply> hi = co_await hello();
  co_return hi;
}

Task<Result<Reply>> Client::authenticate(std::string user, std::string password) {
  if (capabilities_.offersAuth("PLAIN")) {  // RFC 4616 2
    const std::string response = std::string(1, '\0') + user + std::string(1, '\0') + password;
    Result<Reply> reply = co_await ask("AUTH PLAIN " + encodeBase64(response), options_.timeouts.command, "AUTH PLAIN ***");
    authenticated_ = reply && reply->code / 100 == 2;
    co_return reply;
  }
  if (!capabilities_.offersAuth("LOGIN")) co_return fail(Error::Kind::permanent, "the server offers neither AUTH PLAIN nor LOGIN");
  Result<Reply> reply = co_await ask("AUTH LOGIN", options_.timeouts.command);
  const std::array<std::string, 2> answers{encodeBase64(user), encodeBase64(password)};
  for (const std::string& answer : answers) {
    if (!reply || reply->code != 334) co_return reply;
    reply = co_await ask(answer, options_.timeouts.command, "***");
  }
  authenticated_ = reply && reply->code / 100 == 2;
  co_return reply;
}

namespace {

/// Nothing that ends the command line, or its path, early.
bool isOneArgument(std::string_view path) {
  for (const char c : path) {
    if (isAsciiControl(c) || c == '<' || c == '>') return false;
  }
  return !path.empty();
}

}  // namespace

Task<Result<Reply>> Client::verify(std::string address) {
  if (!isOneArgument(address)) co_return fail(Error::Kind::syntax, "not an address to ask about");
  Result<Reply> reply = co_await ask("VRFY " + address, options_.timeouts.command);
  co_return reply;
}

Task<Result<Reply>> Client::etrn(std::string node) {
  if (!isOneArgument(node)) co_return fail(Error::Kind::syntax, "not a domain to ask for");
  Result<Reply> reply = co_await ask("ETRN " + node, options_.timeouts.command);
  co_return reply;
}

Task<Result<Reply>> Client::probe(std::string forwardPath) {
  if (!isOneArgument(forwardPath)) co_return fail(Error::Kind::syntax, "not an address to ask about");
  Result<Reply> reply = co_await ask("MAIL FROM:<>", options_.timeouts.command);
  if (!reply) co_return reply;
  if (reply->code / 100 != 2) {
    if (reply->isPermanent()) reply = Reply{451, "4.0.0", "the null sender is refused: " + reply->oneLine()};
    co_return reply;
  }
  reply = co_await ask("RCPT TO:<" + forwardPath + ">", options_.timeouts.command);
  if (!reply) co_return reply;
  const Result<Reply> reset = co_await ask("RSET", options_.timeouts.command);
  (void)reset;
  co_return reply;
}

bool Client::wasClosedWhileIdle() {
  if (!usable_ || connection_.hasBufferedInput()) return true;
  std::array<char, 1> octet{};
  const Result<std::optional<std::size_t>> got = connection_.stream().tryRead(octet);
  return !got || got->has_value();
}

Task<void> Client::quit() {
  if (!usable_) co_return;
  usable_ = false;
  const Result<Reply> bye = co_await ask("QUIT", options_.timeouts.quit);
  (void)bye;
  connection_.shutdown();
}

}  // namespace ostler::smtp
