#include "smtpd/session.h"

#include <algorithm>
#include <array>

#include "libmailcore/base/ascii.h"
#include "smtpd/commands.h"

namespace ostler::smtpd {
namespace {

using namespace std::chrono_literals;

// RFC 5321 4.5.3.1.4 and the extensions add up to about 1,300 octets; paths of 255 + 255 and ORCPT fit twice.
constexpr std::size_t kMostLine = 4096;
constexpr std::size_t kMostUnsent = 64 * 1024;
constexpr std::uint64_t kMostIdleCommands = 10'000;  // between two messages: nobody has so much to ask
constexpr auto kGoodbyeTime = 5s;
constexpr auto kHearOut = 30s;  // a client that was left
constexpr std::uint64_t kMostDropped = 256U << 20;
constexpr std::size_t kDrop = 64 * 1024;

// What a browser, a proxy scanner or a TLS client says first. Nothing good comes behind it: a form posted to us may hold commands.
constexpr std::array<std::string_view, 10> kOtherProtocols = {"GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS",
                                                             "CONNECT", "TRACE", "PATCH", "PRI"};
bool isOtherProtocol(std::string_view verb) {
  if (verb.starts_with("\x16\x03")) return true;  // TLS without STARTTLS
  return std::any_of(kOtherProtocols.begin(), kOtherProtocols.end(), [verb](std::string_view other) { return equalsIgnoreCase(other, verb); });
}

std::string serviceName(config::SmtpKind kind) {
  switch (kind) {
    case config::SmtpKind::mx:
      return "smtp";
    case config::SmtpKind::submission:
      return "submission";
    case config::SmtpKind::lmtp:
      return "lmtp";
    case config::SmtpKind::odmr:
      return "odmr";
  }
  return "smtp";
}

}  // namespace

const Command* Commands::find(std::string_view verb, config::SmtpKind kind) {
  const unsigned here = kind == config::SmtpKind::lmtp ? Spoken::lmtp : kind == config::SmtpKind::odmr ? Spoken::odmr : Spoken::smtp;
  for (const Command& command : kTable) {
    if ((command.spoken & here) != 0 && equalsIgnoreCase(command.verb, verb)) return &command;
  }
  return nullptr;
}

bool Commands::isKnown(std::string_view verb) {
  return std::any_of(kTable.begin(), kTable.end(), [verb](const Command& command) { return equalsIgnoreCase(command.verb, verb); });
}

Session::Session(const Surroundings& around, daemon::Arrival arrival)
    : around_(around),
      snapshot_(std::move(arrival.snapshot)),
      plan_(std::move(arrival.plan)),
      server_(snapshot_->config->virtualServers.at(plan_->virtualServer)),
      kind_(plan_->listener.kind),
      overUnix_(!plan_->listener.address.unixPath.empty()),
      clientAddress_(arrival.client.address),
      peerAddress_(arrival.client.address),
      connection_(around.loop, std::move(arrival.stream)) {
  info_.session = Id128::make(around.clock.now());
  info_.service = serviceName(kind_);
  info_.virtualServer = server_.name;
  info_.client = arrival.client.text();
  info_.local = arrival.local.text();
  if (const net::TlsInfo* const tls = connection_.tls()) {
    info_.tls = tls->text();
    info_.tlsNames = tls->peerNames;
  }
}

const std::string& Session::hostName() const {
  return snapshot_->config->hostNameOf(server_);
}

Task<void> Session::run() {
  const Gate::Pass pass = around_.gate.enter([this] { connection_.interruptRead(); });
  bool broken = false;
  try {
    co_await converse();
  } catch (const std::exception& exception) {
    around_.log.error("exception", {{"session", info_.session.text()}, {"what", exception.what()}});
    broken = true;
  }
  if (broken) {
    end("internal error");
    connection_.write(smtp::format({421, "4.3.0", "Internal error"}));
  }
  co_await sayGoodbye();
}

Task<void> Session::sayGoodbye() {
  const Result<void> flushed = co_await connection_.flush(Deadline::after(kGoodbyeTime));
  if (flushed) connection_.shutdown();
  logEnd();
  if (flushed && leaves_) co_await hearOut();
}

// We go, and the client may be in the middle of what it sends. Octets that lie unread when a socket is closed make a reset of it, and a
// reset takes away what the client has not read yet: our last reply. So what it sends is dropped for a while.
void Session::leave(std::string_view reason) {
  end(reason);
  leaves_ = true;
}

Task<void> Session::hearOut() {
  const Deadline patience = Deadline::after(kHearOut);
  std::uint64_t dropped = 0;
  while (dropped < kMostDropped && !patience.passed()) {
    const Result<std::string_view> some = co_await connection_.readSome(kDrop, Deadline::after(around_.silence).orSooner(patience));
    if (!some || some->empty()) co_return;
    dropped += some->size();
  }
}

// What the checks of this process see.
receiving::Visit Session::visit(const receiving::Content& content) const {
  return {.server = server_,
          .kind = kind_,
          .client = overUnix_ ? nullptr : &clientAddress_,
          .tls = connection_.tls() != nullptr,
          .authenticated = isAuthenticated(),
          .talkedEarly = talkedEarly_,
          .sentAhead = sentAhead_,
          .helo = info_.helo,
          .hostName = hostName(),
          .accountMessageSize = account_.messageSize,
          .messages = messages_,
          .sessionOctets = sessionOctets_,
          .recipients = envelope_.recipients.size(),
          .binary = envelope_.binary,
          .content = content,
          .rates = around_.rates,
          .now = std::chrono::steady_clock::now()};
}

// The first check of the stage that objects decides.
std::optional<smtp::Reply> Session::objection(receiving::Stage stage, const receiving::Content& content) {
  auto objected = receiving::ask(stage, visit(content));
  if (!objected) return std::nullopt;
  around_.log.info("refused", {{"session", info_.session.text()},
                               {"client", info_.client},
                               {"helo", info_.helo},
                               {"from", envelope_.reversePath},
                               {"stage", receiving::nameOf(stage)},
                               {"check", objected->check},
                               {"reply", objected->reply.oneLine()}});
  if (objected->givesWay) {
    keptBack_ = std::make_unique<const Reply>(std::move(objected->reply));
    return std::nullopt;
  }
  if (objected->reply.code == 421 || stage == receiving::Stage::command) leave(objected->check);
  return std::move(objected->reply);
}

// Names of clients are looked up where the virtual server asks for them, and there alone.
Task<std::optional<smtp::Reply>> Session::clientRefusal() {
  const bool wanted = !overUnix_ && (server_.checkReverseDns || !server_.accessOnly.names.empty() || !server_.accessExcept.names.empty());
  if (!wanted) co_return std::nullopt;
  const Result<ipc::SmtpReply> verdict = co_await around_.policy.checkClient({info_}, Deadline::after(kPolicyTime));
  if (!verdict) co_return unavailable("client", verdict.error());
  if (verdict->code == 220) {
    info_.clientName = verdict->text;
    co_return std::nullopt;
  }
  co_return toReply(*verdict);
}

// Holds the greeting back, and looks whether the client waits for it: who is not let in anyhow has heard so before.
Task<std::optional<smtp::Reply>> Session::talksEarly() {
  if (limits().greetingDelay.count() == 0 || visit().isExempt()) co_return std::nullopt;
  const Result<std::string_view> early = co_await connection_.readSome(1, Deadline::after(limits().greetingDelay));
  if (!early && early.error().kind != Error::Kind::timeout) co_return lost(early.error());
  if (early && early->empty()) co_return lost({Error::Kind::closed, "closed before the greeting"});
  talkedEarly_ = early.has_value();
  co_return objection(receiving::Stage::greeting);
}

// The greeting, or why there is none.
Task<void> Session::greet() {
  std::optional<Reply> refused = objection(receiving::Stage::connect);
  if (!refused) {
    std::optional<Reply> byName = co_await clientRefusal();
    refused = std::move(byName);
  }
  if (!refused) {
    std::optional<Reply> early = co_await talksEarly();
    refused = std::move(early);
  }
  if (!refused) {
    co_await say({220, "", hostName() + (isLmtp() ? " LMTP" : " ESMTP") + " Ostler"});
    co_return;
  }
  end("refused at the connection");  // nothing that he sends was asked for: he waits for us
  co_await say(std::move(*refused));
}

// An administrator may read along from the beginning, or from the login on.
void Session::chooseTranscript() {
  isWrittenDown_ = around_.watched.covers(overUnix_ ? nullptr : &clientAddress_, account_.address, around_.clock.now());
}

void Session::writeDown(std::string_view who, std::string_view line) const {
  if (isWrittenDown_) around_.log.info("transcript", {{"session", info_.session.text()}, {"said", who}, {"line", line}});
}

Task<void> Session::converse() {
  chooseTranscript();
  co_await greet();
  while (!ended()) {
    if (around_.gate.closed()) {
      co_await say(lost({Error::Kind::interrupted, "drain"}));
      break;
    }
    around_.tidier.look();
    const Result<std::string_view> line = co_await connection_.readLine(kMostLine, idle());
    if (line) {
      if (isWrittenDown_) writeDown("client", withoutSecrets(*line));
      co_await dispatch(*line);
    } else if (line.error().kind == Error::Kind::limit) {
      ++errors_;
      co_await say({500, "5.5.2", "Line too long"});
    } else {
      co_await say(lost(line.error()));
    }
    if (!ended() && ++commandsSinceMessage_ > kMostIdleCommands) {
      leave("too many commands");
      co_await say({421, "4.7.0", "Too many commands without a message"});
    }
    if (!ended() && limits().errors != 0 && errors_ >= limits().errors) {
      leave("too many errors");
      co_await say({421, "4.7.0", "Too many errors"});
    }
    if (!ended() && limits().unknownRecipients != 0 && unknownRecipients_ >= limits().unknownRecipients) {
      leave("too many unknown recipients");
      co_await say({421, "4.7.0", "Too many recipients that do not exist"});
    }
  }
}

Task<void> Session::dispatch(std::string_view line) {
  Reply reply = co_await answer(line);
  if (reply.isPermanent()) ++errors_;
  if (reply.code == 421 && !ended()) leave("told to come back");  // the spool's word, too, is the last one: RFC 5321 3.8
  // Whoever makes many mistakes is guessing, and gets slow answers. Not while we leave.
  const bool isSlow = reply.isPermanent() && limits().tarpit.count() > 0 && errors_ > limits().tarpitAfter;
  if (isSlow && !ended() && !around_.gate.closed() && !visit().isExempt()) {
    co_await around_.loop.sleepUntil(Deadline::after(limits().tarpit));
  }
  co_await say(std::move(reply));
}

Task<smtp::Reply> Session::answer(std::string_view line) {
  // A line that ends otherwise than the standard says is not a command: RFC 5321 2.3.8.
  if (connection_.bareLf()) co_return Reply{500, "5.5.2", "Lines end in CRLF"};
  const auto [verb, argument] = smtp::splitCommand(line);
  const Command* const command = Commands::find(verb, kind_);
  if (!command && isOtherProtocol(verb)) {
    leave("not SMTP");
    co_return Reply{500, "5.5.1", "This is a mail server"};
  }
  // RFC 2645 3: an ODMR server says so of what SMTP has and it has not.
  if (!command && kind_ == config::SmtpKind::odmr && Commands::isKnown(verb)) co_return Reply{502, "5.5.1", "Command not implemented here"};
  if (!command) co_return Reply{500, "5.5.1", "Command not recognized"};
  if (auto ahead = impatience(*command)) co_return std::move(*ahead);
  if (auto refused = refusal(*command)) {
    if (command->behind == Behind::chunk) {
      Reply skipped = co_await skipChunk(argument);
      if (ended()) co_return skipped;
    }
    co_return std::move(*refused);
  }
  Reply reply = co_await (this->*command->handler)(argument);
  co_return reply;
}

// Nothing may be sent ahead before EHLO has offered it, nor behind a command that ends a group: RFC 2920 3.1.
std::optional<smtp::Reply> Session::impatience(const Command& command) {
  const bool mayFollow = command.behind == Behind::chunk || (command.behind == Behind::commands && extended_);
  sentAhead_ = !mayFollow && connection_.hasBufferedInput();
  return sentAhead_ ? objection(receiving::Stage::command) : std::nullopt;
}

std::optional<smtp::Reply> Session::refusal(const Command& command) const {
  switch (command.needs) {
    case Needs::nothing:
      break;
    case Needs::clearText:
      if (connection_.tls()) return Reply{503, "5.5.1", "TLS is active already"};
      if (!tlsOffered()) return Reply{502, "5.5.1", "TLS is not offered"};
      break;
    case Needs::trust:
      // The list is of hosts that are connected, never of clients they speak of.
      if (overUnix_ || !listedAsTrusted(command.verb)) return Reply{550, "5.7.0", "You may not say who the client is"};
      break;
    case Needs::login:
      if (isAuthenticated()) return Reply{503, "5.5.1", "Authenticated already"};
      if (!passwordsAllowed()) return loginFailed("password in clear text", {538, "5.7.11", "Encryption required for authentication"});
      break;
  }
  if ((command.legalIn & state_) == 0) {
    return Reply{503, "5.5.1",
                 state_ == connected ? (isLmtp() ? "Send LHLO first" : "Send EHLO first") : "Bad sequence of commands"};
  }
  return std::nullopt;
}

// ---- small ones

Task<smtp::Reply> Session::rset(std::string_view) {
  beginNewTransaction();
  co_return Reply{250, "2.0.0", "OK"};
}

Task<smtp::Reply> Session::noop(std::string_view) {
  co_return Reply{250, "2.0.0", "OK"};
}

Task<smtp::Reply> Session::quit(std::string_view) {
  end("quit");
  co_return Reply{221, "2.0.0", "Bye"};
}

// ---- the one place that writes

Task<void> Session::say(Reply reply) {
  if (reply.code == 0) co_return;
  if (isWrittenDown_) writeDown("server", reply.oneLine());
  connection_.write(smtp::format(reply));
  if (connection_.bufferedOutput() < kMostUnsent) co_return;  // leaves when we wait for the client
  const Result<void> flushed = co_await connection_.flush(idle());
  if (!flushed) end("client does not read");
}

// The connection is not what it was: what is to be said in the end.
smtp::Reply Session::lost(const Error& error) {
  switch (error.kind) {
    case Error::Kind::interrupted:
      end("shutdown");
      return {421, "4.3.2", hostName() + " is shutting down"};
    case Error::Kind::timeout:
      end("timeout");
      return {421, "4.4.2", hostName() + " closes the connection: nothing heard for too long"};
    default:
      end("connection lost");
      return {0, "", ""};
  }
}

// Spool or auth did not answer what was asked: the client hears "later", the log hears why.
smtp::Reply Session::unavailable(const char* asked, const Error& error) const {
  around_.log.warn("no-answer", {{"session", info_.session.text()}, {"asked", asked}, {"reason", error.detail}});
  return replyFor(error);
}

log::SessionFacts Session::facts(const std::string& user) const {
  return {info_.session.text(), info_.service, info_.client, info_.tls, mechanism_, user};
}

void Session::logEnd() const {
  if (!around_.log.enabled(log::Level::info)) return;
  const auto lasted = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - since_);
  log::tellSessionEnd(around_.log, facts(account_.address), {endReason_, connection_.octetsIn(), connection_.octetsOut()},
                      log::Field("helo", info_.helo), log::Field("forwarded", forwardedFor_), log::Field("messages", messages_),
                      log::Field("errors", errors_), log::Field("ms", static_cast<std::uint64_t>(lasted.count())));
}

}  // namespace ostler::smtpd
