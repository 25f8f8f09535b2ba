// Commands in: lines and the literals between them, within limits. RFC 9051 2.2.1, 4.3; RFC 7888.
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "libmailcore/base/ascii.h"

#include "imapd/session.h"

namespace ostler::imap {
namespace {

// A stranger gets little memory, somebody logged in enough for UID sets of a very large mailbox.
constexpr std::size_t kMaxLineBeforeLogin = 8U << 10;
constexpr std::size_t kMaxCommandBeforeLogin = 16U << 10;
constexpr std::size_t kMaxCommand = 1U << 20;
constexpr std::size_t kKeep = 256;

}  // namespace

// Puts the whole command into command_. Of APPEND only what stands before the message: literal_ tells that it comes.
Task<Result<void>> Session::readCommand() {
  command_.clear();
  literal_.reset();
  if (command_.capacity() > kKeep) command_.shrink_to_fit();
  const std::size_t most = account_ ? kMaxCommand : kMaxCommandBeforeLogin;
  for (;;) {
    const std::size_t room = account_ ? most - command_.size() : kMaxLineBeforeLogin;
    const Result<std::string_view> line = co_await connection_.readLine(room, inputDeadline());
    if (!line) {
      if (line.error().kind == Error::Kind::interrupted && ending_ == nullptr) continue;
      co_return fail(line.error());
    }
    command_ += *line;
    const auto mark = literalAtEnd(*line);
    if (mark && !*mark) co_return Result<void>();
    if (mark && isMessageLiteral()) {
      literal_ = **mark;
      command_.resize(command_.size() - literal_->length);
      co_return Result<void>();
    }
    if (!mark || (*mark)->size > most - command_.size()) {
      if (mark && !(*mark)->synchronizing) {
        // It is on its way already, and nobody wants to read it to its end: RFC 7888 4.
        bye("Literal is too large");
        endReason_ = "errors";
        co_return fail(Error::Kind::closed, "literal too large");
      }
      command_.resize(std::min(command_.find(' '), command_.size()));
      command_ += " LITERAL-TOO-LARGE";  // no such command: BAD, with the right tag
      co_return Result<void>();
    }
    if ((*mark)->synchronizing) write("+ OK\r\n");
    command_ += "\r\n";
    const Result<void> read = co_await readOctets(command_, (*mark)->size);
    if (!read) co_return read;
    acknowledgeNow();
  }
}

// The next line as a string of its own: SASL responses, DONE, the rest of APPEND.
Task<Result<std::string>> Session::readLineText(std::size_t most) {
  for (;;) {
    const Result<std::string_view> line = co_await connection_.readLine(most, inputDeadline());
    if (line) co_return std::string(*line);
    if (line.error().kind != Error::Kind::interrupted || ending_ != nullptr) co_return fail(line.error());
  }
}

Task<Result<void>> Session::readOctets(std::string& into, std::uint64_t count) {
  while (count > 0) {
    const Result<std::string_view> some = co_await connection_.readSome(
        static_cast<std::size_t>(std::min<std::uint64_t>(count, 256U << 10)), inputDeadline());
    if (!some) {
      if (some.error().kind == Error::Kind::interrupted && ending_ == nullptr) continue;
      co_return fail(some.error());
    }
    if (some->empty()) co_return fail(Error::Kind::closed, "closed by the peer");
    into += *some;
    count -= some->size();
  }
  co_return Result<void>();
}

Task<Result<void>> Session::skipOctets(std::uint64_t count) {
  std::string scratch;
  while (count > 0) {
    const std::uint64_t step = std::min<std::uint64_t>(count, 64U << 10);
    scratch.clear();
    const Result<void> read = co_await readOctets(scratch, step);
    if (!read) co_return read;
    count -= step;
  }
  co_return Result<void>();
}

// Many clients send the end of the line in a packet of its own, and their Nagle holds it back until what came before is
// acknowledged; the kernel would take 40 ms to do so. tcp(7) TCP_QUICKACK.
void Session::acknowledgeNow() {
  const int fd = connection_.stream().fd();
  if (fd < 0 || connection_.hasBufferedInput()) return;
  const int on = 1;
  (void)::setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

// APPEND mailbox ... {310}: is the literal at the end the message, and not the mailbox's name?
bool Session::isMessageLiteral() const {
  if (!account_) return false;
  Reader in(command_);
  (void)in.tag();
  in.space();
  if (in.word() != "APPEND") return false;
  in.space();
  (void)in.astring();
  in.space();
  return !in.failed();
}

}  // namespace ostler::imap
