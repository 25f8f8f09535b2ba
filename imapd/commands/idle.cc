// IDLE: tells news as they come, until DONE. RFC 9051 6.3.13; RFC 2177.
// Nothing polls: the store's watch wakes the session. While it waits it holds no UID list and no buffer.
#include "libmailcore/base/ascii.h"

#include "imapd/session.h"

namespace ostler::imap {

Task<Reply> Session::idle(Invocation call) {
  call.in.end();
  if (call.in.failed()) co_return badSyntax(call.in);
  write("+ idling\r\n");
  command_.clear();
  command_.shrink_to_fit();
  idling_ = true;
  const Reply reply = co_await idleUntilDone();
  idling_ = false;
  co_return reply;
}

Task<Reply> Session::idleUntilDone() {
  const Deadline deadline = inputDeadline();
  for (;;) {
    if (selected_ && selected_->changed) {
      const Result<void> told = co_await synchronize(Expunges::now);
      if (!told) co_return lost(told.error());
    }
    if (selected_ && !selected_->changed) view().release();
    const Result<std::string_view> line = co_await connection_.readLine(64, deadline);
    if (line && equalsIgnoreCase(*line, "DONE")) co_return Reply::ok("Idle completed");
    if (line) co_return Reply::bad("DONE expected");
    if (line.error().kind != Error::Kind::interrupted) co_return lost(line.error());
    if (ending_ != nullptr) co_return Reply::no(ending_->code, ending_->words);
  }
}

}  // namespace ostler::imap
