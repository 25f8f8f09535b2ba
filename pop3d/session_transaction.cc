// session_transaction.cc - TRANSACTION and UPDATE: looking at messages, fetching them, marking and removing them.
#include <fmt/format.h>

#include "pop3d/session.h"

namespace ostler::pop3 {
namespace {

void appendNumber(std::string& out, std::uint64_t number) {
  const fmt::format_int digits(number);
  out.append(digits.data(), digits.size());
}

}  // namespace

std::optional<Reply> Session::noSuchMessage(std::uint64_t number) const {
  if (number == 0 || number > maildrop_->count()) return err("No such message");
  if (maildrop_->message(static_cast<std::size_t>(number)).deleted) return err("That message is marked as deleted");
  return std::nullopt;
}

Task<Reply> Session::stat(Arguments) {
  co_return ok(fmt::format("{} {}", maildrop_->remaining(), maildrop_->remainingOctets()));
}

Task<Reply> Session::list(Arguments arguments) {
  if (arguments.first) {
    std::optional<Reply> refused = noSuchMessage(*arguments.first);
    if (refused) co_return std::move(*refused);
    co_return ok(fmt::format("{} {}", *arguments.first, maildrop_->message(*arguments.first).size));
  }
  Reply reply = ok(fmt::format("{} messages ({} octets)", maildrop_->remaining(), maildrop_->remainingOctets()));
  std::string& lines = reply.lines.emplace();
  lines.reserve(maildrop_->remaining() * 16);
  for (std::size_t number = 1; number <= maildrop_->count(); ++number) {
    const Maildrop::Message& message = maildrop_->message(number);
    if (message.deleted) continue;
    appendNumber(lines, number);
    lines += ' ';
    appendNumber(lines, message.size);
    lines += "\r\n";
  }
  co_return reply;
}

Task<Reply> Session::uidl(Arguments arguments) {
  if (arguments.first) {
    std::optional<Reply> refused = noSuchMessage(*arguments.first);
    if (refused) co_return std::move(*refused);
  }
  const Result<void> loaded = co_await maildrop_->loadUniqueIds();
  if (!loaded) co_return errFor(loaded.error());
  if (arguments.first) {
    const std::string_view id = maildrop_->uniqueId(*arguments.first);
    if (id.empty()) co_return err("The message is gone");
    co_return ok(fmt::format("{} {}", *arguments.first, id));
  }
  Reply reply = ok("Unique ids follow");
  std::string& lines = reply.lines.emplace();
  lines.reserve(maildrop_->remaining() * 36);
  for (std::size_t number = 1; number <= maildrop_->count(); ++number) {
    const std::string_view id = maildrop_->uniqueId(number);
    if (maildrop_->message(number).deleted || id.empty()) continue;
    appendNumber(lines, number);
    lines += ' ';
    lines += id;
    lines += "\r\n";
  }
  co_return reply;
}

Task<Reply> Session::send(std::uint64_t number, std::optional<std::uint64_t> bodyLines) {
  std::optional<Reply> refused = noSuchMessage(number);
  if (refused) co_return std::move(*refused);
  Result<std::shared_ptr<const store::ContentSource>> source = co_await maildrop_->content(number);
  if (!source) co_return errFor(source.error());
  Reply reply = ok(bodyLines ? std::string("Top of message follows") : fmt::format("{} octets", (*source)->size()));
  reply.content = Content{std::move(*source), maildrop_->message(number).needsDotStuffing, bodyLines};
  co_return reply;
}

Task<Reply> Session::retr(Arguments number) {
  Reply reply = co_await send(*number.first, std::nullopt);
  retrieved_ += reply.content.has_value();
  co_return reply;
}

Task<Reply> Session::top(Arguments numberAndLines) {
  Reply reply = co_await send(*numberAndLines.first, *numberAndLines.second);
  co_return reply;
}

Task<Reply> Session::dele(Arguments number) {
  std::optional<Reply> refused = noSuchMessage(*number.first);
  if (refused) co_return std::move(*refused);
  maildrop_->mark(*number.first);
  co_return ok("Marked; it goes when you QUIT");
}

Task<Reply> Session::noop(Arguments) {
  co_return ok("");
}

Task<Reply> Session::rset(Arguments) {
  maildrop_->unmarkAll();
  co_return ok(fmt::format("{} messages ({} octets)", maildrop_->remaining(), maildrop_->remainingOctets()));
}

// From TRANSACTION it enters UPDATE: what is marked goes now, all of it or nothing. RFC 1939 6.
Task<Reply> Session::quit(Arguments) {
  Reply reply = ok("Goodbye");
  if (maildrop_) {
    const Result<std::uint64_t> gone = co_await maildrop_->update();
    if (gone) deleted_ = *gone;
    if (!gone) reply = err("[SYS/TEMP] Nothing was deleted: the store could not be changed");
  }
  reply.then = Reply::Then::close;
  co_return reply;
}

}  // namespace ostler::pop3
