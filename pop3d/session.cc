#include "pop3d/session.h"

#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "pop3d/commands.h"
#include "pop3d/content_writer.h"

namespace ostler::pop3 {
namespace {

constexpr std::size_t kLongestLine = 8192;  // an initial response of SASL may be that long; RFC 2449 4 asks for 255
constexpr unsigned kMostErrors = 20;
constexpr std::size_t kFlushAt = 64 * 1024;

const Command* find(std::string_view verb) {
  const auto found = std::find_if(kCommands.begin(), kCommands.end(),
                                  [&](const Command& command) { return equalsIgnoreCase(command.verb, verb); });
  return found == kCommands.end() ? nullptr : &*found;
}

std::optional<std::uint64_t> number(std::string_view text) {
  return parseDecimal(text, UINT32_MAX);
}

bool parse(Takes takes, std::string_view text, Session::Arguments& arguments) {
  arguments.text = text;
  switch (takes) {
    case Takes::nothing:
      return text.empty();
    case Takes::text:
      return !text.empty();
    case Takes::optionalText:
      return true;
    case Takes::optionalNumber:
      if (text.empty()) return true;
      [[fallthrough]];
    case Takes::number:
      arguments.first = number(text);
      return arguments.first.has_value();
    case Takes::numberAndCount: {
      const std::size_t blank = std::min(text.find(' '), text.size());
      arguments.first = number(text.substr(0, blank));
      arguments.second = number(trim(text.substr(blank)));
      return arguments.first && arguments.second;
    }
  }
  return false;
}

std::string statusLine(const Reply& reply) {
  std::string line = reply.status == Reply::Status::ok ? "+OK" : "-ERR";
  if (!reply.text.empty()) line += " " + reply.text;
  return line + "\r\n";
}

}  // namespace

Session::Session(Worker& worker, daemon::Arrival arrival)
    : worker_(worker),
      arrival_(std::move(arrival)),
      connection_(worker.loop, std::move(arrival_.stream)),
      id_(Id128::make(worker.clock.now())) {}

unsigned Session::state() const {
  return maildrop_ ? kTransaction : kAuthorization;
}

Deadline Session::deadline() const {
  return Deadline::after(arrival_.snapshot->config->pop3.idle);
}

void Session::end(std::string reason) {
  ended_ = true;
  if (endReason_.empty()) endReason_ = std::move(reason);
}

Task<void> Session::run() {
  const Gate::Pass pass = worker_.gate.enter([this] { connection_.interruptRead(); });
  std::string failure;
  try {
    co_await dialogue();
  } catch (const std::exception& exception) {  // the one catch: a broken invariant ends this session alone
    failure = exception.what();
  }
  if (!failure.empty()) worker_.log.error("session-broken", {{"session", id_.text()}, {"what", failure}});
  const Result<void> flushed = co_await connection_.flush(Deadline::after(std::chrono::seconds(10)));
  if (!flushed) end("closed");
  connection_.shutdown();
  maildrop_.reset();
  logEnd();
}

Task<void> Session::dialogue() {
  connection_.write("+OK " + arrival_.snapshot->config->hostName + " Ostler POP3 ready\r\n");
  while (!ended_) {
    const Result<std::string_view> line = co_await connection_.readLine(kLongestLine, deadline());
    Reply reply;
    if (worker_.gate.closed()) {
      end("shutdown");
      reply = err("[SYS/TEMP] This server is going down; nothing was deleted");
    } else if (shutOut_) {
      end("shut-out");
      reply = err("[SYS/PERM] Your account was disabled or removed; nothing was deleted");
    } else if (!line) {
      reply = replyForInput(line.error());
    } else {
      reply = co_await execute(std::string(*line));
    }
    if (reply.status == Reply::Status::err && ++errors_ >= kMostErrors && !ended_) {
      end("errors");
      reply = err("Too many errors");
    }
    const Result<void> sent = co_await deliver(std::move(reply));
    if (!sent) end(sent.error().detail);
  }
}

Reply Session::replyForInput(const Error& error) {
  if (error.kind == Error::Kind::limit) return err("Line too long");
  if (error.kind == Error::Kind::timeout) {
    end("idle");
    return err("[SYS/TEMP] Idle for too long; nothing was deleted");  // RFC 1939 3: no UPDATE
  }
  end("closed");
  return err("");
}

Task<Reply> Session::execute(std::string line) {
  const std::size_t blank = std::min(line.find(' '), line.size());
  const std::string_view verb = std::string_view(line).substr(0, blank);
  std::string_view text = std::string_view(line).substr(std::min(blank + 1, line.size()));
  const Command* const command = find(verb);
  if (!command) co_return err("Unknown command");
  if (command->takes != Takes::text) text = trim(text);  // a password may begin and end with blanks
  Arguments arguments;
  std::optional<Reply> refused = refusal(*command, text, arguments);
  if (refused) co_return std::move(*refused);
  Reply reply = co_await (this->*command->handler)(arguments);
  co_return reply;
}

std::optional<Reply> Session::refusal(const Command& command, std::string_view text, Arguments& arguments) const {
  if ((command.legalIn & state()) == 0) {
    return err(state() == kAuthorization ? "Log in first" : "You have logged in already");
  }
  if (!parse(command.takes, text, arguments)) return err("Wrong arguments");
  return std::nullopt;
}

// The one place that writes. What a pipelining client gets is gathered until there is nothing left to read, or 64 KiB.
Task<Result<void>> Session::deliver(Reply reply) {
  if (reply.content) {
    ContentWriter writer(connection_, worker_.reading);
    const Result<void> written = co_await writer.write(statusLine(reply), std::move(*reply.content), deadline());
    if (written || written.error().kind == Error::Kind::closed) co_return written;
    connection_.write(statusLine(errFor(written.error())));  // nothing had been written
    co_return Result<void>();
  }
  if (!(reply.status == Reply::Status::err && reply.text.empty())) connection_.write(statusLine(reply));
  if (reply.lines) {
    for (std::string_view rest = *reply.lines; !rest.empty(); rest.remove_prefix(std::min(rest.size(), kFlushAt))) {
      connection_.write(rest.substr(0, kFlushAt));
      const Result<void> flushed = co_await connection_.flush(deadline());
      if (!flushed) co_return flushed;
    }
    connection_.write(".\r\n");
  }
  if (reply.then == Reply::Then::close) end("quit");
  if (reply.then == Reply::Then::startTls) {
    const Result<void> secured = co_await connection_.startTlsAsServer(arrival_.snapshot->tls, deadline());
    if (!secured) co_return fail(Error::Kind::closed, "tls: " + secured.error().detail);
    user_.clear();  // nothing heard in clear text counts: RFC 2595 4
  }
  if (connection_.bufferedOutput() >= kFlushAt) {
    const Result<void> flushed = co_await connection_.flush(deadline());
    if (!flushed) co_return flushed;
  }
  co_return Result<void>();
}

log::SessionFacts Session::facts(const std::string& user) const {
  const ipc::SessionInfo about = info();
  return {id_.text(), about.service, about.client, about.tls, mechanism_, user};
}

void Session::logEnd() const {
  log::tellSessionEnd(worker_.log, facts(owner_), {endReason_, connection_.octetsIn(), connection_.octetsOut()},
                      log::Field("retrieved", retrieved_), log::Field("deleted", deleted_));
}

}  // namespace ostler::pop3
